import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { KubectlVersion } from '../support/kubectl.ts';
import { reader, TryCluster, until } from '../support/try-cluster.ts';

/** 1.29 forwards over SPDY, 1.36 over SPDY inside a WebSocket. */
const VERSIONS: readonly KubectlVersion[] = ['1.29', '1.36'];
const BYTES = 10 * 1024 * 1024;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

let cluster: TryCluster;
let echo: Server;
let echoPort: number;
beforeAll(async () => {
  cluster = await TryCluster.start();
  echo = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  echoPort = (echo.address() as AddressInfo).port;
});
afterAll(async () => {
  echo.close();
  expect(await cluster.stop()).toBe(0);
});

/** Starts `kubectl port-forward` for a caller who may, and gives the local port. */
async function forward(
  version: KubectlVersion,
  port: number,
  as: readonly string[] = ['--context', 'open'],
): Promise<{ child: ChildProcess; local: number }> {
  const child = await cluster.spawnKubectl([...as, 'port-forward', '-v=4', 'pod/shell', `:${port}`], {
    version,
  });
  const screen = reader(child);
  await screen.seen('Forwarding from 127.0.0.1:');
  // A client that is refused the tunnel falls back to SPDY without a word.
  expect(screen.text().includes('negotiated protocol: portforward.k8s.io')).toBe(version === '1.36');
  return { child, local: Number(/127\.0\.0\.1:(\d+)/.exec(screen.text())?.[1]) };
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGINT');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
}

async function roundTrip(local: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect({ port: local, host: '127.0.0.1', allowHalfOpen: true });
  const received: Buffer[] = [];
  socket.on('data', chunk => received.push(chunk));
  socket.end(bytes);
  await once(socket, 'end');
  return Buffer.concat(received);
}

describe.each(VERSIONS)('kubectl %s port-forward', version => {
  test('10 MB come back hash-equal, twice at once over one tunnel, and no recorder is contacted (B020)', async () => {
    const casts = cluster.casts().length;
    const { child, local } = await forward(version, echoPort);
    const sent = [randomBytes(BYTES), randomBytes(BYTES)];
    const back = await Promise.all(sent.map(bytes => roundTrip(local, bytes)));
    expect(back.map(sha256)).toEqual(sent.map(sha256));
    await stop(child);
    expect(cluster.casts()).toHaveLength(casts);
    expect(await cluster.sessions()).toEqual([]);
  });

  test('is refused to whom a recorder is enforced for, with the rule and the way out', async () => {
    const result = await cluster.kubectl(['port-forward', 'pod/shell', `:${echoPort}`], { version });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('a port-forward is a tunnel that cannot be recorded');
    expect(result.stderr).toContain('"unrecordable: audit" in grants[1]');
    await until(() =>
      cluster
        .auditLines()
        .some(line => line['type'] === 'request.refused' && String(line['path']).endsWith('/portforward')),
    );
  });

  test('a port where nobody listens is told on the error stream', async () => {
    const free = createServer();
    free.listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, 'close');
    const { child, local } = await forward(version, port);
    const screen = reader(child);
    const socket = connect(local, '127.0.0.1');
    socket.on('error', () => {});
    await screen.seen('ECONNREFUSED');
    socket.destroy();
    await stop(child);
  });
});

describe('an enforced caller whose grant says "unrecordable: audit"', () => {
  /** A second proxy in front of the same cluster, with that one change. */
  async function startAuditing(): Promise<{ child: ChildProcess; url: string; audit: string }> {
    const folder = join(cluster.dir, 'data/config');
    const config = parse(readFileSync(join(folder, 'proxy.yaml'), 'utf8'));
    const audit = join(cluster.dir, 'auditing.jsonl');
    config.grants[1].unrecordable = 'audit';
    config.audit = { file: audit };
    writeFileSync(join(folder, 'auditing.yaml'), stringify(config));
    const readyFile = join(cluster.dir, 'auditing.json');
    const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
    const child = spawn(
      process.execPath,
      [main, 'proxy', '--config', join(folder, 'auditing.yaml'), '--ready-file', readyFile],
      { stdio: 'ignore' },
    );
    await until(() => existsSync(readyFile));
    return { child, url: String(JSON.parse(readFileSync(readyFile, 'utf8')).proxy), audit };
  }

  test('may forward, each tunnel is audited with its bytes, and a shutdown ends those that live', async () => {
    const proxy = await startAuditing();
    const as = ['--server', proxy.url, '--context', 'closed'];
    const tunnels = await Promise.all(VERSIONS.map(version => forward(version, echoPort, as)));
    const sent = randomBytes(100_000);
    for (const { local } of tunnels) expect(sha256(await roundTrip(local, sent))).toBe(sha256(sent));
    const ends = tunnels.map(({ child }) => reader(child).seen('lost connection to pod'));
    const exited = once(proxy.child, 'exit');
    proxy.child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
    await Promise.all(ends);
    await Promise.all(tunnels.map(({ child }) => stop(child)));
    const lines = readFileSync(proxy.audit, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    const started = lines.filter(({ type }) => type === 'request.unrecordable');
    const ended = lines.filter(({ type }) => type === 'tunnel.ended');
    expect(started).toHaveLength(2);
    expect(ended).toHaveLength(2);
    expect(new Set(ended.map(({ tunnelId }) => tunnelId))).toEqual(
      new Set(started.map(({ tunnelId }) => tunnelId)),
    );
    for (const record of started) expect(record).toMatchObject({ class: 'tunnel', rule: 'grants[1]' });
    for (const record of ended) {
      expect(record).toMatchObject({ cause: 'stopped', ports: 'unknown' });
      expect(record.bytesToClient).toBeGreaterThan(sent.length);
      expect(record.bytesToUpstream).toBeGreaterThan(sent.length);
    }
  });
});
