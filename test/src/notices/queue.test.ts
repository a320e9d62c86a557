import { expect, test } from 'vitest';
import { silentLogger } from '../../../src/log.ts';
import type { NoticeResult } from '../../../src/metrics/updates.ts';
import { FinalFailure, NoticeQueue } from '../../../src/notices/queue.ts';
import { FakeTime } from '../recording/fake-time.ts';

function queueing(send: (notice: number) => Promise<void>) {
  const time = new FakeTime();
  const results: NoticeResult[] = [];
  const queue = new NoticeQueue<number>({
    clock: time,
    timers: time,
    log: silentLogger,
    send,
    told: result => results.push(result),
  });
  const count = (result: NoticeResult): number => results.filter(other => other === result).length;
  return { time, queue, results, count };
}

/** Until nothing more happens without time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
}

test('they go out one after the other, in order', async () => {
  const sent: number[] = [];
  let running = 0;
  const { queue, results } = queueing(async notice => {
    expect(++running).toBe(1);
    await Promise.resolve();
    running--;
    sent.push(notice);
  });
  for (const notice of [1, 2, 3]) queue.offer(notice);
  await settled();
  expect(sent).toEqual([1, 2, 3]);
  expect(results).toEqual(['sent', 'sent', 'sent']);
});

test('a recorder that fails every session at once is told 20 times, and then once each 3 s', async () => {
  const { queue, time, count } = queueing(async () => {});
  for (let notice = 0; notice < 50; notice++) queue.offer(notice);
  await settled();
  expect([count('sent'), count('limited')]).toEqual([20, 30]);
  time.pass(6_500);
  for (let notice = 0; notice < 5; notice++) queue.offer(notice);
  await settled();
  expect([count('sent'), count('limited')]).toEqual([22, 33]);
});

test('what fails is tried four times, ever later, and then given up', async () => {
  let tries = 0;
  const { queue, time, results } = queueing(async () => {
    tries++;
    throw new Error('away');
  });
  queue.offer(1);
  for (const [waitMs, expected] of [
    [0, 1],
    [1_000, 2],
    [2_000, 3],
    [4_000, 4],
    [60_000, 4],
  ] as const) {
    time.pass(waitMs);
    await settled();
    expect(tries).toBe(expected);
  }
  expect(results).toEqual(['failed']);
});

test('what is refused for good is tried once', async () => {
  const { queue, results, time } = queueing(() => Promise.reject(new FinalFailure('it answered 403')));
  queue.offer(1);
  await settled();
  expect(results).toEqual(['failed']);
  expect(time.timers).toBe(0);
});

test('while one hangs, 100 wait and the rest is dropped; the end drops what waits', async () => {
  const { queue, time, count } = queueing(() => new Promise(() => {}));
  for (let notice = 0; notice < 200; notice++) {
    queue.offer(notice);
    time.pass(3_000);
  }
  expect(count('dropped')).toBe(99);
  const closed = queue.close(500);
  queue.offer(1);
  expect(count('dropped')).toBe(100);
  await settled();
  time.pass(500);
  await closed;
  expect(count('dropped')).toBe(200);
  expect(time.timers).toBe(0);
});
