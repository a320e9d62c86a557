import { test } from 'vitest';
import { type Latency, load, startProxy, TOKENS } from './proxy.ts';
import { figure, report } from './results.ts';
import { withStand } from './stand.ts';

const stand = withStand();

test('echo of a key', async () => {
  const { binary, upstream, recorder } = stand();
  const rows: [string, ...string[]][] = [];
  const proxy = await startProxy(upstream, [recorder]);
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
