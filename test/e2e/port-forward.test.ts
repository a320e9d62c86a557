import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

/** Starts `kubectl port-forward` for a context that may, and gives the local port. */
async function forward(
  version: KubectlVersion,
  port: number,
): Promise<{ child: ChildProcess; local: number }> {
  const child = await cluster.spawnKubectl(['port-forward', '-v=4', 'pod/shell', `:${port}`], {
    version,
    context: 'open',
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
