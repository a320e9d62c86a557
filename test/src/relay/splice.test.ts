import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { duplexPair } from 'node:stream';

import { describe, expect, onTestFinished, test } from 'vitest';
import type { SpliceReport } from '../../../src/relay/splice.ts';
import { Splice } from '../../../src/relay/splice.ts';
import { listening } from '../../support/listening.ts';

interface Rig {
  /** Far ends of the two connections. */
  readonly kubectl: Socket;
  readonly server: Socket;
  readonly client: Socket;
  readonly upstream: Socket;
  readonly splice: Splice;
  readonly report: Promise<SpliceReport>;
  readonly reports: SpliceReport[];
}

/** Two real connections with their near ends joined: a server's socket, which may stay half-open, and a client's. */
async function rig(
  early: { client?: Buffer[]; upstream?: Buffer[] } = {},
  options: { lingerMs?: number } = {},
): Promise<Rig> {
  const [kubectl, client] = await connection(true);
  const [server, upstream] = await connection(false);
  const reports: SpliceReport[] = [];
  let tell: (report: SpliceReport) => void = () => {};
  const report = new Promise<SpliceReport>(resolve => {
    tell = resolve;
  });
  const splice = new Splice({
    client,
    upstream,
    ended: ended => {
      reports.push(ended);
      tell(ended);
    },
    ...options,
  });
  splice.start({ client: early.client ?? [], upstream: early.upstream ?? [] });
  return { kubectl, server, client, upstream, splice, report, reports };
}

async function connection(allowHalfOpen: boolean): Promise<[far: Socket, near: Socket]> {
  const listener = createServer({ allowHalfOpen, pauseOnConnect: true });
  const port = await listening(listener);
  const far = connect({ port: port, host: '127.0.0.1', allowHalfOpen: true });
  const [near] = await once(listener, 'connection');
  listener.close();
  far.on('error', () => {});
  onTestFinished(() => {
    far.destroy();
    near.destroy();
  });
  return [far, near];
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

describe('two sockets joined', () => {
  test('early bytes come first, and every byte is counted once', async () => {
    const { kubectl, server, report } = await rig({
      client: [Buffer.from('hel')],
      upstream: [Buffer.from('wel')],
    });
    kubectl.end('lo');
    expect((await readAll(server)).toString()).toBe('hello');
    server.end('come');
    expect((await readAll(kubectl)).toString()).toBe('welcome');
    expect(await report).toMatchObject({ bytesToClient: 7, bytesToUpstream: 5 });
  });

  test('a half that the client closes leaves the other one open', async () => {
    const { kubectl, server, report } = await rig();
    kubectl.end('question');
    expect((await readAll(server)).toString()).toBe('question');
    server.write('long ');
    server.end('answer');
    expect((await readAll(kubectl)).toString()).toBe('long answer');
    expect(await report).toEqual({ bytesToClient: 11, bytesToUpstream: 8, cause: 'clientEnded' });
  });

  test('upstream ends: all it said arrives, and the client is left to close', async () => {
    const { kubectl, server, client, upstream, report } = await rig();
    const closed = once(upstream, 'close');
    const last = Buffer.alloc(4 * 1024 * 1024, 7);
    server.end(last);
    expect((await readAll(kubectl)).equals(last)).toBe(true);
    await closed;
    expect(client.destroyed).toBe(false);
    kubectl.end();
    expect(await report).toEqual({ bytesToClient: last.length, bytesToUpstream: 0, cause: 'upstreamEnded' });
  });

  test('the side that reads slowly holds the other one back', async () => {
    const [kubectl, client] = duplexPair();
    const [server, upstream] = duplexPair();
    const splice = new Splice({ client, upstream, ended: () => {} });
    const paused = once(upstream, 'pause');
    splice.start({ client: [], upstream: [] });
    const chunk = Buffer.alloc(64 * 1024, 1);
    server.write(chunk);
    await paused;
    const second = new Promise<void>(resolve => server.write(chunk, () => resolve()));
    expect(client.writableLength).toBe(chunk.length);
    let read = 0;
    const all = new Promise<void>(resolve => {
      kubectl.on('data', (piece: Buffer) => {
        read += piece.length;
        if (read === 2 * chunk.length) resolve();
      });
    });
    await Promise.all([second, all]);
    expect(upstream.isPaused()).toBe(false);
    splice.stop();
  });

  test.each([
    ['the client', 'kubectl', 'server', 'clientCut'],
    ['upstream', 'server', 'kubectl', 'upstreamCut'],
  ] as const)('%s breaks off: so does the other side', async (_name, from, other, cause) => {
    const ends = await rig();
    const closed = once(ends[other], 'close');
    ends[other].resume();
    ends[other].on('end', () => ends[other].end());
    ends[from].resetAndDestroy();
    expect((await ends.report).cause).toBe(cause);
    await closed;
    expect([ends.client.destroyed, ends.upstream.destroyed]).toEqual([true, true]);
  });

  test('a side that never closes after its peer did is given up', async () => {
    const { kubectl, server, report } = await rig({}, { lingerMs: 1 });
    server.resume();
    kubectl.end();
    expect(await report).toMatchObject({ cause: 'clientEnded' });
  });

  test('it can be stopped, and tells its end once', async () => {
    const { splice, report, reports, client, upstream } = await rig();
    splice.stop();
    splice.stop();
    expect(await report).toMatchObject({ cause: 'stopped' });
    await Promise.all([once(client, 'close'), once(upstream, 'close')]);
    expect(reports).toHaveLength(1);
  });

  test('a client that was gone before is noticed', async () => {
    const [, client] = await connection(true);
    const [, upstream] = await connection(false);
    client.destroy();
    await once(client, 'close');
    const cause = await new Promise(resolve => {
      const splice = new Splice({ client, upstream, ended: report => resolve(report.cause) });
      splice.start({ client: [], upstream: [] });
    });
    expect(cause).toBe('clientCut');
    expect(upstream.destroyed).toBe(true);
  });
});
