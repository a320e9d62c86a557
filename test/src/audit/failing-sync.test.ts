import { expect, test, vi } from 'vitest';
import { openJsonlSink } from '../../../src/audit/jsonl-sink.ts';
import { EPOCH, ended, linesOf, recordOf, refused, scratch } from './samples.ts';

const disk = vi.hoisted(() => ({ broken: false }));
vi.mock('node:fs', async original => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    fdatasyncSync: (fd: number) => {
      if (disk.broken) throw new Error('EIO: i/o error, fdatasync');
      fs.fdatasyncSync(fd);
    },
  };
});

test('a record that was written, but not known to be on disk, is tried again without being said twice', () => {
  vi.useFakeTimers();
  const file = scratch();
  const clock = { now: () => EPOCH, monotonic: () => 0 };
  const failed: unknown[] = [];
  const sink = openJsonlSink({ file, clock, failed: error => failed.push(error) });
  disk.broken = true;
  sink.write(ended);
  expect(sink.health()).toMatchObject({
    state: 'failing',
    error: expect.stringContaining('EIO'),
    waiting: 1,
  });
  sink.write(refused);
  disk.broken = false;
  vi.advanceTimersByTime(1_000);
  vi.useRealTimers();
  expect(sink.health()).toEqual({ state: 'ok', lost: 0, waiting: 0, lagMs: 0 });
  sink.close();
  expect(linesOf(file).map(recordOf)).toMatchObject([
    { type: 'session.ended', seq: 1 },
    { type: 'request.refused', seq: 2 },
  ]);
  expect(failed).toHaveLength(2);
});
