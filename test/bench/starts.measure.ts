import { createServer } from 'node:net';
import { test } from 'vitest';
import { listen } from '../../src/listen.ts';
import { type Latency, load, startProxy, TOKENS } from './proxy.ts';
import { figure, report } from './results.ts';
import { withStand } from './stand.ts';

const stand = withStand();

const HEALTHY = 'recorder healthy';

test('start of a session', async () => {
  const { binary, upstream, recorder } = stand();
  const dead = await closedPort();
  const silent = createServer(() => {});
  const mute = `127.0.0.1:${(await listen(silent, '127.0.0.1', 0)).port}`;
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['not recorded', [recorder], TOKENS.passed],
    [HEALTHY, [recorder], TOKENS.recorded],
    ['first recorder refuses', [dead, recorder], TOKENS.recorded],
    ['first recorder accepts and is silent', [mute, recorder], TOKENS.recorded],
    ['no recorder, refused', [dead, dead.replace('127.0.0.1', '127.0.0.2')], TOKENS.recorded],
  ];
  const rows: [string, ...string[]][] = [];
  let healthy = Number.NaN;
  for (const [name, recorders, token] of cases) {
    const proxy = await startProxy(upstream, recorders);
    // The first one alone: after it the proxy knows which recorder failed lately.
    const first = await load<Latency>(binary, ['starts', '-count', '1'], proxy, token);
    const { latencyMs } = await load<Latency>(binary, ['starts', '-count', '100'], proxy, token);
    if (name === HEALTHY) healthy = first.latencyMs.p50;
    const added = Math.max(0, first.latencyMs.p50 - healthy);
    rows.push([name, ...[first.latencyMs.p50, added, latencyMs.p50, latencyMs.p99].map(figure)]);
    await proxy.peer.stop('SIGTERM');
  }
  silent.close();
  report('starts', {
    title: 'Start of a session',
    note: 'Milliseconds from the dial to the end of a session whose command ends at once: the first after the start of the proxy, what it had to wait longer than with a healthy recorder, then 100 one after another.',
    columns: ['first', 'added to the first', 'p50', 'p99'],
    rows,
  });
});

test('a burst of starts', async () => {
  const { binary, upstream, recorder } = stand();
  const proxy = await startProxy(upstream, [recorder]);
  const before = proxy.peer.cpuSeconds();
  const burst = await load<Latency & { refused: number; seconds: number }>(
    binary,
    ['starts', '-count', '1000', '-at-once', '1000'],
    proxy,
    TOKENS.recorded,
  );
  const cpuMilliseconds = proxy.peer.cpuSeconds() - before;
  await proxy.peer.stop('SIGTERM');
  report('burst', {
    title: 'A burst of starts',
    note: '1,000 recorded sessions started at one moment, each with a TLS handshake, an upload and an end.',
    columns: ['CPU ms/session', 'sessions/s', 'refused', 'p50 ms', 'p99 ms'],
    sizing: [['starts of recorded sessions', `${figure(1000 / cpuMilliseconds)} per second and core`]],
    rows: [
      [
        'kubewitness',
        ...[
          cpuMilliseconds,
          1000 / burst.seconds,
          burst.refused,
          burst.latencyMs.p50,
          burst.latencyMs.p99,
        ].map(figure),
      ],
    ],
  });
});

/** A port that was free a moment ago. */
async function closedPort(): Promise<string> {
  const server = createServer();
  const { port } = await listen(server, '127.0.0.1', 0);
  await new Promise(resolve => server.close(resolve));
  return `127.0.0.1:${port}`;
}
