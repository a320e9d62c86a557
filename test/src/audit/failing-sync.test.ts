import { afterEach, expect, test, vi } from 'vitest';
import { openJsonlSink } from '../../../src/audit/jsonl-sink.ts';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { EPOCH, ended, failure, linesOf, recordOf, refused, scratch, session } from './samples.ts';

const disk = vi.hoisted(() => ({ broken: false, syncs: 0 }));
vi.mock('node:fs', async original => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    fdatasyncSync: (fd: number) => {
      if (disk.broken) throw new Error('EIO: i/o error, fdatasync');
      disk.syncs++;
      fs.fdatasyncSync(fd);
    },
    fdatasync: (fd: number, done: (error: Error | null) => void) => {
      disk.syncs++;
      if (disk.broken) setImmediate(() => done(new Error('EIO: i/o error, fdatasync')));
      else fs.fdatasync(fd, done);
    },
  };
});

const decided: AuditEvent = {
  type: 'session.decided',
  ...session,
  decision: 'record',
  failMode: 'closed',
  rules: [],
};
const clock = { now: () => EPOCH, monotonic: () => 0 };
afterEach(() => {
  vi.useRealTimers();
  disk.broken = false;
  disk.syncs = 0;
});

test('a record that was written, but not known to be on disk, is tried again without being said twice', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const file = scratch();
  const failed: unknown[] = [];
  const sink = openJsonlSink({ file, clock, failed: error => failed.push(error) });
  disk.broken = true;
  sink.write(ended);
  sink.write(refused);
  await sink.settled();
  expect(sink.health()).toMatchObject({
    state: 'failing',
    error: expect.stringContaining('EIO'),
    waiting: 2,
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
    { type: 'request.refused', seq: 3 },
  ]);
  expect(failed).toHaveLength(2);
});

test('a failure of a recording is on disk at once', () => {
  const sink = openJsonlSink({ file: scratch(), clock, failed: () => {} });
  sink.write(failure);
  expect(disk.syncs).toBe(1);
  sink.close();
});

test('what else must be on disk is there when the sink has settled, by one sync for all', async () => {
  const sink = openJsonlSink({ file: scratch(), clock, failed: () => {} });
  await sink.settled();
  for (let session = 0; session < 3; session++) sink.write(decided);
  sink.write(ended);
  expect(disk.syncs).toBe(0);
  await sink.settled();
  expect(disk.syncs).toBe(1);
  sink.write(refused);
  await sink.settled();
  sink.close();
  expect(disk.syncs).toBe(1);
});

test('what is written while the disk is at work shares the next sync', async () => {
  const sink = openJsonlSink({ file: scratch(), clock, failed: () => {} });
  sink.write(ended);
  const first = sink.settled();
  // Behind the immediate that begins the sync, and before the disk has answered.
  const rest = new Promise<void>(resolve =>
    setImmediate(() => {
      for (let session = 0; session < 3; session++) sink.write(ended);
      resolve(sink.settled());
    }),
  );
  await first;
  await rest;
  expect(disk.syncs).toBe(2);
  sink.close();
  expect(disk.syncs).toBe(2);
});

test('a sink whose disk fails has settled too, and says how it is', async () => {
  const sink = openJsonlSink({ file: scratch(), clock, failed: () => {} });
  disk.broken = true;
  sink.write(decided);
  await sink.settled();
  expect(sink.mayStartSession()).toBe(false);
  disk.broken = false;
  sink.close();
});

test('what is written last is on disk when the sink is closed', () => {
  const sink = openJsonlSink({ file: scratch(), clock, failed: () => {} });
  sink.write(ended);
  sink.close();
  expect(disk.syncs).toBe(1);
});
