import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LogLines } from '../../src/log.ts';

test('lines arrive whole and in order, and those that were dropped are counted', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'kubewitness-log-')), 'log');
  const fd = openSync(file, 'w');
  const lines = new LogLines(fd, 1_000);
  for (let at = 0; at < 100; at++) lines.write(`${JSON.stringify({ at, filler: 'x'.repeat(80) })}\n`);
  await lines.flushed(10_000);
  lines.write('{"at":"later"}\n');
  await lines.flushed(10_000);
  closeSync(fd);
  const kept = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  const dropped = kept.find(line => 'dropped' in line);
  expect(dropped).toMatchObject({ level: 40, dropped: 100 - (kept.length - 2) });
  expect(kept.slice(0, kept.indexOf(dropped)).map(({ at }) => at)).toEqual(
    Array.from({ length: kept.length - 2 }, (_, at) => at),
  );
  expect(kept.at(-1)).toEqual({ at: 'later' });
});
