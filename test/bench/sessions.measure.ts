import { createServer } from 'node:net';
import { afterAll, beforeAll, test } from 'vitest';
import { buildPeers, Peer } from './peer.ts';
import { load, type Server, startProxy, startServer, TOKENS } from './proxy.ts';
import { figure, report } from './results.ts';

interface Latency {
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

let binary: string;
let upstream: Server;
let recorder: Server;
beforeAll(async () => {
  binary = await buildPeers();
  upstream = await startServer(binary, ['upstream', '-tls']);
  recorder = await startServer(binary, ['recorder']);
});
afterAll(async () => {
  await upstream.peer.stop();
  await recorder.peer.stop();
});

const address = (): string => new URL(recorder.url).host;

test('echo of a key', async () => {
  const rows: [string, ...string[]][] = [];
  const proxy = await startProxy(upstream, [address()]);
  for (const sessions of [1, 100, 1_000]) {
    const args = ['echo', '-sessions', String(sessions)];
    const direct = await load<Latency>(binary, args, upstream, TOKENS.passed);
    const through = await load<Latency>(binary, args, proxy, TOKENS.recorded);
    const added = (of: 'p50' | 'p99') => figure(Math.max(0, through.latencyMs[of] - direct.latencyMs[of]));
    rows.push([
      `${sessions} recorded sessions`,
      ...[added('p50'), added('p99')],
      ...[direct.latencyMs.p50, direct.latencyMs.p99, through.latencyMs.p50, through.latencyMs.p99].map(
        figure,
      ),
    ]);
  }
  await proxy.peer.stop('SIGTERM');
  report('echo', {
    title: 'Echo of a key',
    note: 'One session types 2,000 keys, a millisecond apart and each after the echo of the one before, while the others are idle. Milliseconds from key to echo.',
    columns: ['added p50', 'added p99', 'direct p50', 'direct p99', 'proxy p50', 'proxy p99'],
    rows,
  });
});

test('start of a session', async () => {
  const dead = await closedPort();
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  const bound = silent.address();
  const mute = `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['not recorded', [address()], TOKENS.passed],
    ['recorder healthy', [address()], TOKENS.recorded],
    ['first recorder refuses', [dead, address()], TOKENS.recorded],
    ['first recorder accepts and is silent', [mute, address()], TOKENS.recorded],
    ['no recorder, refused', [dead, dead.replace('127.0.0.1', '127.0.0.2')], TOKENS.recorded],
  ];
  const rows: [string, ...string[]][] = [];
  for (const [name, recorders, token] of cases) {
    const proxy = await startProxy(upstream, recorders);
    // The first one alone: after it the proxy knows which recorder failed lately.
    const first = await load<Latency>(binary, ['starts', '-count', '1'], proxy, token);
    const { latencyMs } = await load<Latency>(binary, ['starts', '-count', '100'], proxy, token);
    rows.push([name, figure(first.latencyMs.p50), figure(latencyMs.p50), figure(latencyMs.p99)]);
    await proxy.peer.stop('SIGTERM');
  }
  silent.close();
  report('starts', {
    title: 'Start of a session',
    note: 'Milliseconds from the dial to the end of a session whose command ends at once: the first after the start of the proxy, then 100 one after another.',
    columns: ['first', 'p50', 'p99'],
    rows,
  });
});

test('a burst of starts', async () => {
  const proxy = await startProxy(upstream, [address()]);
  const burst = await load<Latency & { refused: number; seconds: number }>(
    binary,
    ['starts', '-count', '1000', '-at-once', '1000'],
    proxy,
    TOKENS.recorded,
  );
  await proxy.peer.stop('SIGTERM');
  report('burst', {
    title: 'A burst of starts',
    note: '1,000 recorded sessions started at one moment, each with a TLS handshake, an upload and an end.',
    columns: ['sessions/s', 'refused', 'p50 ms', 'p99 ms'],
    rows: [
      [
        'kubewitness',
        ...[1000 / burst.seconds, burst.refused, burst.latencyMs.p50, burst.latencyMs.p99].map(figure),
      ],
    ],
  });
});

test('memory', async () => {
  const rows: [string, ...string[]][] = [];
  for (const [name, args] of [
    ...[10, 100, 1_000, 5_000].map(
      count => [`${count} recorded sessions`, ['-sessions', String(count)]] as const,
    ),
    ['1000 watches', ['-watches', '1000']] as const,
  ]) {
    const proxy = await startProxy(upstream, [address()]);
    // What the first sessions load for good is not theirs.
    await load<Latency>(binary, ['starts', '-count', '200'], proxy, TOKENS.recorded);
    const before = proxy.peer.rssBytes();
    const { url, caFile } = proxy;
    const holder = new Peer('load', [
      binary,
      'idle',
      '-url',
      url,
      '-ca',
      caFile,
      '-token',
      TOKENS.recorded,
      ...args,
    ]);
    const { open, seconds } = await holder.next();
    const after = proxy.peer.rssBytes();
    const each = (after - before) / Number(open) / 1024;
    rows.push([
      name,
      figure(each),
      figure(before / 2 ** 20),
      figure(after / 2 ** 20),
      figure(Number(open) / Number(seconds)),
    ]);
    await holder.stop();
    await proxy.peer.stop('SIGTERM');
  }
  report('memory', {
    title: 'Memory of what is idle',
    note: 'Resident memory of the proxy before and after so many were opened, which holds their garbage too.',
    columns: ['KiB each', 'MiB before', 'MiB after', 'opened/s'],
    rows,
  });
});

/** A port that was free a moment ago. */
async function closedPort(): Promise<string> {
  const server = createServer();
  const port = await new Promise<number>(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
    });
  });
  await new Promise(resolve => server.close(resolve));
  return `127.0.0.1:${port}`;
}
