import { expect, test } from 'vitest';
import { LeasedSlots } from '../../../src/workers/leased-slots.ts';
import { blockOf, SlotPool } from '../../../src/workers/slot-pool.ts';

/** Workers with slots of one pool, their questions answered when the test says so. */
function crew(limit: number, workers: number) {
  const pool = new SlotPool(limit);
  const under: (() => void)[] = [];
  const slots = Array.from({ length: workers }, (_, worker): LeasedSlots => {
    const own: LeasedSlots = new LeasedSlots({
      what: 'things',
      limit,
      block: blockOf(limit, workers),
      ask: count => under.push(() => own.granted(pool.take(worker, count))),
      giveBack: count => pool.give(worker, count),
    });
    return own;
  });
  const answer = (): void => {
    for (let next = under.shift(); next !== undefined; next = under.shift()) next();
  };
  return { pool, slots, answer, under };
}

test('a small limit holds exactly, whoever takes', async () => {
  const { pool, slots, answer } = crew(3, 2);
  const [one, two] = slots;
  const taken = [one?.take(), two?.take(), one?.take()];
  answer();
  const releases = await Promise.all(taken);
  const refused = two?.take();
  answer();
  await expect(refused).rejects.toMatchObject({ code: 'KW_OVERLOADED' });
  expect(pool.lent).toBe(3);
  releases[0]?.();
  releases[0]?.();
  expect(pool.lent).toBe(2);
  const more = two?.take();
  answer();
  (await more)?.();
  for (const release of releases) release?.();
  expect(pool.lent).toBe(0);
});

test('of a large limit some lie ready, and most takes need no word', async () => {
  const { pool, slots, answer, under } = crew(1_000, 2);
  const first = slots[0]?.take();
  answer();
  (await first)?.();
  for (let round = 0; round < 100; round++) {
    const release = slots[0]?.take();
    expect(release).toBeTypeOf('function');
    if (typeof release === 'function') release();
  }
  expect(under).toHaveLength(0);
  expect(pool.lent).toBeLessThanOrEqual(62);
});

test('a burst is served from one answer, and given back when it is over', async () => {
  const { pool, slots, answer } = crew(100, 2);
  const burst = Array.from({ length: 90 }, () => slots[0]?.take());
  answer();
  const releases = await Promise.all(burst);
  expect(pool.lent).toBeGreaterThanOrEqual(90);
  expect(pool.lent).toBeLessThanOrEqual(100);
  for (const release of releases) release?.();
  expect(pool.lent).toBeLessThanOrEqual(6);
});

test('whoever waits behind an empty pool is refused, and not forgotten', async () => {
  const { slots, answer } = crew(1, 2);
  const first = slots[0]?.take();
  answer();
  const waiting = [slots[1]?.take(), slots[1]?.take()];
  answer();
  for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'KW_OVERLOADED' });
  (await first)?.();
  const next = slots[1]?.take();
  answer();
  expect(await next).toBeTypeOf('function');
});

test('what a dead worker held is free', async () => {
  const { pool, slots, answer } = crew(2, 2);
  const held = [slots[0]?.take(), slots[0]?.take()];
  answer();
  await Promise.all(held);
  pool.gone(0);
  const next = slots[1]?.take();
  answer();
  expect(await next).toBeTypeOf('function');
});
