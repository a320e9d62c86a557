import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AckPacer } from '../../../src/recorder/ack-pacer.ts';

const PACE = { ackEveryMs: 100, ackEveryBytes: 1_000, heartbeatMs: 10_000 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('ack pacer', () => {
  test('tells the first bytes at once, then the newest count once per interval', () => {
    const sent: number[] = [];
    const pacer = new AckPacer(total => sent.push(total) > 0, PACE);
    pacer.written(10);
    expect(sent).toEqual([10]);
    pacer.written(20);
    pacer.written(30);
    vi.advanceTimersByTime(99);
    expect(sent).toEqual([10]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([10, 30]);
    pacer.stop();
  });

  test('tells many new bytes without waiting, and once', () => {
    const sent: number[] = [];
    const pacer = new AckPacer(total => sent.push(total) > 0, PACE);
    for (const total of [10, 1_009, 1_010, 2_009, 2_010]) pacer.written(total);
    expect(sent).toEqual([10, 1_010, 2_010]);
    pacer.stop();
    pacer.written(9_000);
    expect(sent).toHaveLength(3);
  });

  test('is never silent for longer than the heartbeat', () => {
    const sentAt: number[] = [];
    const start = Date.now();
    const pacer = new AckPacer(() => sentAt.push(Date.now() - start) > 0, PACE);
    vi.advanceTimersByTime(35_000);
    expect(sentAt).toHaveLength(3);
    for (const [index, at] of sentAt.entries())
      expect(at - (sentAt[index - 1] ?? 0)).toBeLessThanOrEqual(10_000);
    pacer.stop();
  });

  test('offers the newest count again when the peer took none', () => {
    const offered: number[] = [];
    let takes = false;
    const pacer = new AckPacer(total => {
      offered.push(total);
      return takes;
    }, PACE);
    pacer.written(10);
    pacer.written(20);
    vi.advanceTimersByTime(100);
    takes = true;
    vi.advanceTimersByTime(100);
    vi.advanceTimersByTime(1000);
    expect(offered).toEqual([10, 20, 20]);
    pacer.stop();
  });

  test('says nothing after stop', () => {
    const sent: number[] = [];
    const pacer = new AckPacer(total => sent.push(total) > 0, PACE);
    pacer.stop();
    pacer.written(1);
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
