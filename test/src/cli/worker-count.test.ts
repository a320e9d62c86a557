import { expect, test } from 'vitest';
import { coresHere, workerCount } from '../../../src/cli/worker-count.ts';

test.each([
  [4, 8, 'max 100000\n', 4],
  [1, 8, '200000 100000\n', 1],
  ['auto', 8, 'max 100000\n', 8],
  ['auto', 8, '200000 100000\n', 2],
  ['auto', 8, '250000 100000\n', 2],
  ['auto', 8, '50000 100000\n', 1],
  ['auto', 2, '800000 100000\n', 2],
  ['auto', 256, 'max', 64],
  ['auto', 8, '', 8],
] as const)('workers: %s on %i cores with the quota %j: %i', (setting, parallelism, cpuMax, count) => {
  expect(workerCount(setting, { parallelism, cpuMax })).toBe(count);
});

test('what is known here is enough for one', () => {
  expect(workerCount('auto', coresHere())).toBeGreaterThanOrEqual(1);
});
