import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import type { Account } from '../../src/sandbox/identity.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { until } from './try-cluster.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** The built program with these arguments, once its ready file is there. */
export async function start(args: readonly string[], readyFile: string) {
  rmSync(readyFile, { force: true });
  const child = spawn(process.execPath, [main, ...args, '--ready-file', readyFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += String(chunk);
    });
  }
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${args[0]} ended with ${child.exitCode}:\n${output}`);
    return existsSync(readyFile);
  });
  return {
    child,
    output: () => output,
    ready: JSON.parse(readFileSync(readyFile, 'utf8')) as Record<string, string>,
  };
}

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

/** A recorder in a process of its own, with a folder that outlives it. */
export class RecorderProcess {
  readonly dir: string;
  readonly address: string;
  #child: ChildProcess;

  private constructor(dir: string, address: string, child: ChildProcess) {
    this.dir = dir;
    this.address = address;
    this.#child = child;
  }

  static async start(dir: string): Promise<RecorderProcess> {
    const { child, ready } = await start(['recorder', '--dir', dir, '--port', '0'], `${dir}.json`);
    return new RecorderProcess(dir, ready['address'] ?? '', child);
  }

  kill(): Promise<void> {
    return end(this.#child, 'SIGKILL');
  }

  /** At the same address; what was torn is filed. */
  async restart(): Promise<void> {
    const port = this.address.slice(this.address.lastIndexOf(':') + 1);
    const { child } = await start(['recorder', '--dir', this.dir, '--port', port], `${this.dir}.json`);
    this.#child = child;
  }
}

export interface ProxyProcess {
  readonly url: string;
  readonly admin: string;
  readonly caPem: string;
  readonly auditFile: string;
  readonly sandbox: Sandbox;
  readonly dir: string;
  readonly pid: number;
  /** What it was started with, before it was written down. */
  readonly configuration: object;
  /** Its log and what it printed, so far. */
  readonly output: () => string;
  stop(): Promise<void>;
}

export interface ReplicaProcess {
  readonly url: string;
  readonly admin: string;
  readonly auditFile: string;
  readonly pid: number;
  /** Exit code, or the name of the signal that ended it. */
  readonly exit: Promise<number | string | null>;
  stop(): Promise<void>;
}

/** One more proxy in front of the same cluster, with an audit of its own. */
export async function startReplica(first: ProxyProcess, name: string): Promise<ReplicaProcess> {
  const config: object = JSON.parse(readFileSync(join(first.dir, 'proxy.yaml'), 'utf8'));
  const file = join(first.dir, `${name}.yaml`);
  writeFileSync(file, JSON.stringify({ ...config, audit: { file: `${name}.jsonl` } }));
  const { child, ready } = await start(['proxy', '--config', file], join(first.dir, `${name}.ready.json`));
  return {
    url: ready['proxy'] ?? '',
    admin: ready['admin'] ?? '',
    auditFile: join(first.dir, `${name}.jsonl`),
    pid: child.pid ?? 0,
    exit: once(child, 'exit').then(([code, signal]) => code ?? signal),
    stop: () => end(child, 'SIGTERM'),
  };
}

/** Writes the configuration into its folder and gives its path. */
export type PlaceConfig = (dir: string, text: string) => string;

const inPlainFile: PlaceConfig = (dir, text) => {
  const file = join(dir, 'proxy.yaml');
  writeFileSync(file, text);
  return file;
};

export const TOKENS = { open: 'token-of-ann', closed: 'token-of-bob' } as const;

/** A server as the proxy's upstream kubeconfig names it. */
export interface UpstreamServer {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
}

export interface ProxyPlaces {
  /** Whom the sandbox knows by a token of their own. */
  readonly accounts?: readonly Account[];
  /** May put another server before the sandbox. */
  readonly between?: (sandbox: Sandbox, dir: string) => Promise<UpstreamServer>;
  readonly placeConfig?: PlaceConfig;
}

/** `kubewitness proxy --config` in front of a sandbox cluster, with recorders that the test owns. */
export async function startProxyProcess(
  recorders: readonly string[],
  changes: object = {},
  { between = async sandbox => sandbox, placeConfig = inPlainFile, accounts = [] }: ProxyPlaces = {},
): Promise<ProxyProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-proxy-'));
  const sandbox = await startSandbox({ dir: join(dir, 'cluster'), accounts });
  const upstream = await between(sandbox, dir);
  const { caPem, certPem, keyPem } = await createCertificates(['localhost'], ['127.0.0.1']);
  const write = (name: string, text: string): void => writeFileSync(join(dir, name), text);
  write('tls.crt', certPem);
  write('tls.key', keyPem);
  write(
    'upstream.kubeconfig',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'c',
          cluster: {
            server: upstream.url,
            'certificate-authority-data': Buffer.from(upstream.caPem).toString('base64'),
          },
        },
      ],
      users: [{ name: 'u', user: { token: upstream.token } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  const configuration = {
    listen: { address: '127.0.0.1', port: 0, tls: { cert: 'tls.crt', key: 'tls.key' } },
    admin: { address: '127.0.0.1', port: 0 },
    upstream: { kubeconfig: 'upstream.kubeconfig' },
    identity: {
      static: [
        { user: 'ann', token: TOKENS.open },
        { user: 'bob', token: TOKENS.closed },
      ],
    },
    grants: [
      { subjects: [{ user: 'ann' }], recorderAddrs: recorders },
      { subjects: [{ user: 'bob' }], recorderAddrs: recorders, enforceRecorder: true },
    ],
    shutdown: { delayMs: 0 },
    audit: { file: 'audit.jsonl' },
    log: { level: 'warn' },
    ...changes,
  };
  const file = placeConfig(dir, JSON.stringify(configuration));
  const { child, ready, output } = await start(['proxy', '--config', file], join(dir, 'proxy.json'));
  return {
    url: ready['proxy'] ?? '',
    admin: ready['admin'] ?? '',
    caPem,
    auditFile: join(dir, 'audit.jsonl'),
    sandbox,
    dir,
    pid: child.pid ?? 0,
    configuration,
    output,
    stop: async () => {
      await end(child, 'SIGTERM');
      await sandbox.close();
    },
  };
}
