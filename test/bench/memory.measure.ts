import { test } from 'vitest';
import { Peer } from './peer.ts';
import { type Latency, load, startProxy, TOKENS } from './proxy.ts';
import { figure, report } from './results.ts';
import { withStand } from './stand.ts';

const stand = withStand();

test('memory', async () => {
  const { binary, upstream, recorder } = stand();
  const rows: [string, ...string[]][] = [];
  const sizing: [string, string][] = [];
  for (const [name, args, token] of [
    ...[10, 100, 1_000, 5_000].map(
      count => [`${count} recorded sessions`, ['-sessions', String(count)], TOKENS.recorded] as const,
    ),
    ['1000 sessions, not recorded', ['-sessions', '1000'], TOKENS.passed] as const,
    ['1000 watches', ['-watches', '1000'], TOKENS.passed] as const,
  ]) {
    const proxy = await startProxy(upstream, [recorder]);
    // What the first sessions load for good is not theirs.
    await load<Latency>(binary, ['starts', '-count', '200'], proxy, TOKENS.recorded);
    const before = proxy.peer.rssBytes();
    const { url, caFile } = proxy;
    const target = ['-url', url, '-ca', caFile, '-token', token];
    const holder = new Peer('load', [binary, 'idle', ...target, ...args]);
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
    if (Number(open) === 1_000)
      sizing.push([`memory of ${name}`, `${figure((after - before) / 2 ** 20)} MiB`]);
    await holder.stop();
    await proxy.peer.stop('SIGTERM');
  }
  report('memory', {
    title: 'Memory of what is idle',
    note: 'Resident memory of the proxy before and after so many were opened, which holds their garbage too.',
    sizing,
    columns: ['KiB each', 'MiB before', 'MiB after', 'opened/s'],
    rows,
  });
});
