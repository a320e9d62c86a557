import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { until } from '../support/try-cluster.ts';
import { buildNodePeer, type NodePeer, Peer, scratch } from './peer.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** A loaded machine takes its time. */
const START_LIMIT_MS = 120_000;

/** Two callers: one whose sessions must be recorded, one whose sessions are passed. */
export const TOKENS = { recorded: 'token-of-bob', passed: 'token-of-pam' } as const;

export interface Server {
  readonly url: string;
  readonly caFile: string;
  readonly peer: Peer;
}

/** What the peers that measure waits say. Milliseconds. */
export interface Latency {
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Runs one of the Go peers that load a server, and gives its figures. */
export async function load<T>(
  binary: string,
  [command = '', ...args]: readonly string[],
  { url, caFile }: Server,
  token: string,
): Promise<T> {
  const generator = new Peer('load', [binary, command, '-url', url, '-ca', caFile, '-token', token, ...args]);
  // The program beside this file writes it.
  const figures = (await generator.next()) as T;
  await generator.stop();
  return figures;
}

export function median<T>(values: readonly T[], by: (value: T) => number): T {
  const middle = [...values].sort((a, b) => by(a) - by(b))[Math.floor(values.length / 2)];
  if (middle === undefined) throw new Error('the median of nothing');
  return middle;
}

export interface Certificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Files of a certificate of 127.0.0.1, for the peers that make none of their own. */
export async function certificateIn(dir: string): Promise<Certificate> {
  const { caPem, certPem, keyPem } = await createCertificates(['localhost'], ['127.0.0.1']);
  const files = { ca: join(dir, 'ca.crt'), cert: join(dir, 'tls.crt'), key: join(dir, 'tls.key') };
  writeFileSync(files.ca, caPem);
  writeFileSync(files.cert, certPem);
  writeFileSync(files.key, keyPem);
  return files;
}

/** One of the Go peers that serve. */
export async function startServer(
  binary: string,
  args: readonly string[],
  core: 'measured' | 'load' = 'load',
): Promise<Server> {
  const peer = new Peer(core, [binary, ...args]);
  const { address, caPem } = await peer.next();
  const caFile = join(scratch(), 'ca.crt');
  writeFileSync(caFile, typeof caPem === 'string' ? caPem : '');
  return { url: `${caPem === undefined ? 'http' : 'https'}://${String(address)}`, caFile, peer };
}

/** One of the peers that are programs of Node, in TLS on both sides. */
export async function startNodePeer(
  name: NodePeer,
  upstream: Server,
  certificate: Certificate,
): Promise<Server> {
  const { ca, cert, key } = certificate;
  const program = [process.execPath, await buildNodePeer(name)];
  const peer = new Peer('measured', [...program, upstream.url, upstream.caFile, cert, key]);
  const { address } = await peer.next();
  return { url: `https://${String(address)}`, caFile: ca, peer };
}

/** `kubewitness proxy`, as it is deployed but for the log's level. KW_BENCH_NODE has options of Node, say --cpu-prof. */
export async function startProxy(upstream: Server, recorders: readonly string[]): Promise<Server> {
  const dir = scratch();
  const { ca, cert, key } = await certificateIn(dir);
  const cluster = upstream.url.startsWith('https:')
    ? { server: upstream.url, 'certificate-authority': upstream.caFile }
    : { server: upstream.url };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: 'proxy' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(join(dir, 'upstream.kubeconfig'), JSON.stringify(kubeconfig));
  const config = {
    listen: { address: '127.0.0.1', port: 0, tls: { cert, key } },
    admin: { address: '127.0.0.1', port: 0 },
    upstream: { kubeconfig: 'upstream.kubeconfig' },
    identity: {
      static: [
        { user: 'bob', token: TOKENS.recorded },
        { user: 'pam', token: TOKENS.passed },
      ],
    },
    grants: [{ subjects: [{ user: 'bob' }], recorderAddrs: recorders, enforceRecorder: true }],
    // One caller opens what is otherwise the work of many.
    limits: { sessions: 10_000, sessionsPerCaller: 10_000, requests: 10_000, longRunning: 10_000 },
    audit: { file: 'audit.jsonl' },
    log: { level: 'error' },
  };
  writeFileSync(join(dir, 'proxy.yaml'), JSON.stringify(config));
  const readyFile = join(dir, 'ready.json');
  const options = process.env['KW_BENCH_NODE']?.split(' ') ?? [];
  const command = [process.execPath, ...options, MAIN, 'proxy', '--config', join(dir, 'proxy.yaml')];
  const peer = new Peer('measured', [...command, '--ready-file', readyFile]);
  await until(() => {
    peer.check();
    return existsSync(readyFile);
  }, START_LIMIT_MS);
  const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as { proxy: string };
  return { url: ready.proxy, caFile: ca, peer };
}
