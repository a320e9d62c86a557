import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { JsonlSinkOptions } from '../../../src/audit/jsonl-sink.ts';
import { openJsonlSink } from '../../../src/audit/jsonl-sink.ts';
import { rotatedSegments } from '../../../src/audit/segments.ts';
import { Verifier } from '../../../src/audit/verify.ts';
import { chainOf, EPOCH, ended, failure, linesOf, recordOf, refused, scratch, started } from './samples.ts';

const clock = { now: () => EPOCH, monotonic: () => 0 };

function open(file: string, options: Partial<JsonlSinkOptions> = {}, failed: unknown[] = []) {
  return openJsonlSink({ file, clock, replica: 'one', failed: error => failed.push(error), ...options });
}

function verified(file: string) {
  const verifier = new Verifier();
  for (const [at, line] of linesOf(file).entries()) verifier.line(line, { file, number: at + 1 });
  return verifier.finish();
}

/** A disk on which nothing more fits: every write to it answers ENOSPC. */
function fullDisk(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  symlinkSync('/dev/full', file);
}

afterEach(() => {
  vi.useRealTimers();
});

describe('audit file', () => {
  test('each record carries its place, its own hash and the hash of the one before', () => {
    const file = scratch();
    const sink = open(file);
    sink.write(refused);
    sink.write(refused);
    sink.close();
    const [first, second] = linesOf(file).map(recordOf);
    expect(first).toMatchObject({ seq: 1, prevHash: '0'.repeat(64), time: '2026-01-01T00:00:00.000Z' });
    expect(first?.replica).toMatch(/^one-[0-9a-f]{8}$/);
    expect(second).toMatchObject({ seq: 2, prevHash: first?.hash, replica: first?.replica });
    expect(second?.id).not.toBe(first?.id);
  });

  test('the chain goes on after a restart, under the name it began with', () => {
    const file = scratch();
    for (const replica of ['one', 'two']) {
      const sink = open(file, { replica });
      sink.write(refused);
      sink.close();
    }
    expect(verified(file)).toMatchObject({ problems: [], chains: [{ records: 2, lastSeq: 2 }] });
  });

  test.each(['{"apiVersion":"audit.kubewitness.dev/v1","id":"01', '{"api', '\0\0\0\0'])(
    'a line torn by a crash, %j, is kept, ended, and vouched for by the next record',
    torn => {
      const file = scratch();
      const before = open(file);
      before.write(refused);
      before.close();
      appendFileSync(file, torn);
      // A start that writes nothing changes nothing of that.
      open(file).close();
      const after = open(file);
      after.write(refused);
      after.close();
      expect(linesOf(file)).toHaveLength(3);
      expect(verified(file)).toMatchObject({ problems: [], torn: [{ number: 2 }], chains: [{ lastSeq: 2 }] });
    },
  );

  test('a crash in the very first write is no reason to refuse the file', () => {
    const file = scratch();
    open(file).close();
    writeFileSync(file, chainOf([refused])[0]?.slice(0, 90) ?? '');
    const sink = open(file);
    sink.write(refused);
    sink.close();
    expect(verified(file)).toMatchObject({ problems: [], torn: [{ number: 1 }] });
  });

  test.each(['not ours\n', '{"apiVersion":"v1"}\n', 'x'])(
    'a file that ends in %j is refused, not appended to',
    text => {
      const file = scratch();
      open(file).close();
      writeFileSync(file, text);
      expect(() => open(file)).toThrow(/not an audit record/);
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );

  test('a full file is put aside, and the chain goes through all of them', () => {
    const file = scratch();
    const sink = open(file, { maxBytes: 1_000 });
    for (let count = 0; count < 20; count++) sink.write(refused);
    sink.close();
    expect(rotatedSegments(file).length).toBeGreaterThan(3);
    for (const part of rotatedSegments(file)) expect(readFileSync(part).length).toBeLessThanOrEqual(1_001);
    expect(verified(file)).toMatchObject({ problems: [], chains: [{ records: 20 }] });
    // Also when the process ended right after it had put a file aside.
    rmSync(file);
    const [last] = linesOf(rotatedSegments(file).at(-1) ?? '')
      .slice(-1)
      .map(recordOf);
    const next = open(file);
    next.write(refused);
    next.close();
    expect(recordOf(linesOf(file).at(-1) ?? '')).toMatchObject({ prevHash: last?.hash });
  });
});

describe('a disk that takes no records', () => {
  test('is a state, is told, and throws at nobody', () => {
    const file = scratch();
    fullDisk(file);
    const failed: unknown[] = [];
    const sink = open(file, {}, failed);
    expect(sink.health()).toEqual({ state: 'ok', lost: 0, waiting: 0, lagMs: 0 });
    sink.write(refused);
    sink.write(refused);
    expect(sink.health()).toMatchObject({
      state: 'failing',
      since: '2026-01-01T00:00:00.000Z',
      error: expect.stringContaining('ENOSPC'),
      lost: 0,
      waiting: 2,
    });
    expect(failed).toHaveLength(2);
    sink.close();
    expect(sink.health()).toMatchObject({ lost: 2, waiting: 0 });
  });

  test('is tried again, and what waited is written in order with its own time', () => {
    vi.useFakeTimers();
    const file = scratch();
    fullDisk(file);
    let now = EPOCH;
    const sink = open(file, { clock: { ...clock, now: () => now } });
    sink.write({ ...refused, message: 'first' });
    now += 5_000;
    sink.write({ ...refused, message: 'second' });
    rmSync(file);
    vi.advanceTimersByTime(1_000);
    expect(sink.health()).toEqual({ state: 'ok', lost: 0, waiting: 0, lagMs: 0 });
    sink.write({ ...refused, message: 'third' });
    sink.close();
    expect(linesOf(file).map(recordOf)).toMatchObject([
      { message: 'first', seq: 1, time: '2026-01-01T00:00:00.000Z' },
      { message: 'second', seq: 2, time: '2026-01-01T00:00:05.000Z' },
      { message: 'third', seq: 3 },
    ]);
    expect(verified(file).problems).toEqual([]);
  });

  test('records wait up to a bound; past it they are lost, and counted', () => {
    vi.useFakeTimers();
    const file = scratch();
    fullDisk(file);
    const sink = open(file);
    for (let count = 0; count < 10_010; count++) sink.write(refused);
    expect(sink.health()).toMatchObject({ state: 'failing', waiting: 10_000, lost: 10 });
    sink.close();
  });

  test.each([
    ['refuseSessions', false],
    ['continue', true],
  ] as const)('policy %s: a session may begin: %s', (onFailure, may) => {
    const file = scratch();
    fullDisk(file);
    const sink = open(file, { onFailure });
    expect(sink.mayStartSession()).toBe(true);
    sink.write(refused);
    expect(sink.mayStartSession()).toBe(may);
    sink.close();
  });
});

describe('sessions that a crash left open', () => {
  const other = { ...started, sessionId: '22222222-2222-4222-8222-222222222222' };

  test('are ended as interrupted at the next start, once, with what is known', () => {
    const file = scratch();
    const crashed = open(file);
    for (const event of [started, other, failure, { ...ended, sessionId: other.sessionId }])
      crashed.write(event);
    // No close: the process is gone.
    open(file).close();
    open(file).close();
    const ends = linesOf(file)
      .map(recordOf)
      .filter(({ type }) => type === 'session.ended');
    expect(ends).toMatchObject([
      { sessionId: other.sessionId, outcome: 'unrecorded' },
      {
        sessionId: failure.sessionId,
        outcome: 'interrupted',
        user: { name: 'ann' },
        target: { pod: 'shell' },
        state: 'joined.streaming',
        lastAcked: { offset: 100 },
      },
    ]);
    expect(verified(file).problems).toEqual([]);
  });

  test('also when their beginning lies in a rotated file', () => {
    const file = scratch();
    const crashed = open(file, { maxBytes: 1_000 });
    crashed.write(started);
    for (let count = 0; count < 10; count++) crashed.write(refused);
    open(file).close();
    expect(recordOf(linesOf(file).at(-1) ?? '')).toMatchObject({
      type: 'session.ended',
      outcome: 'interrupted',
    });
  });
});
