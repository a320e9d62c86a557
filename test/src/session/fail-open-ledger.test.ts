import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SpentBudget } from '../../../src/session/fail-open-ledger.ts';
import { FailOpenLedger, spentInWords } from '../../../src/session/fail-open-ledger.ts';
import { FakeTime } from '../recording/fake-time.ts';

const DAY_MS = 86_400_000;

/** It begins at midnight. */
function ledgerOf(spentMs?: ReadonlyMap<string, number>) {
  const time = new FakeTime();
  const told: [string, SpentBudget][] = [];
  const ledger = new FailOpenLedger({
    clock: time,
    timers: time,
    ...(spentMs === undefined ? {} : { spentMs }),
  });
  return { ledger, time, told, tell: (name: string) => (spent: SpentBudget) => told.push([name, spent]) };
}

const ten = [{ rule: 'grants[0]', secondsPerDay: 10 }];

describe('the fail-open ledger', () => {
  test('tells a session when the time of its rule is used up', () => {
    const { ledger, time, told, tell } = ledgerOf();
    ledger.open(ten, tell('a'));
    time.pass(9_999);
    expect(told).toEqual([]);
    expect(ledger.spent(ten)).toBeUndefined();
    time.pass(1);
    const spent = { rule: 'grants[0]', limit: 'secondsPerDay', allowed: 10, used: 10 };
    expect(told).toEqual([['a', spent]]);
    expect(ledger.spent(ten)).toEqual(spent);
  });

  test('two at once spend twice as fast, and both are told', () => {
    const { ledger, time, told, tell } = ledgerOf();
    ledger.open(ten, tell('a'));
    time.pass(4_000);
    ledger.open(ten, tell('b'));
    time.pass(2_999);
    expect(told).toEqual([]);
    time.pass(1);
    expect(told.map(([name]) => name)).toEqual(['a', 'b']);
  });

  test('what has ended spends nothing more, and leaves no timer', () => {
    const { ledger, time, told, tell } = ledgerOf();
    const close = ledger.open(ten, tell('a'));
    time.pass(6_000);
    close();
    time.pass(50_000);
    expect(ledger.secondsToday()).toEqual(new Map([['grants[0]', 6]]));
    expect(time.timers).toBe(0);
    const again = ledger.open(ten, tell('b'));
    time.pass(4_000);
    again();
    expect(told.map(([name]) => name)).toEqual(['b']);
  });

  test('a new UTC day begins with nothing, also for who goes on through midnight', () => {
    const { ledger, time, told, tell } = ledgerOf();
    time.pass(DAY_MS - 8_000);
    ledger.open(ten, tell('a'));
    for (let second = 0; second < 15; second++) time.pass(1_000);
    expect(told).toEqual([]);
    expect(ledger.secondsToday().get('grants[0]')).toBe(7);
    time.pass(3_000);
    expect(told).toHaveLength(1);
  });

  test('a wall clock that steps back opens no new day, and one that steps on in it spends nothing', () => {
    const { ledger, time, tell } = ledgerOf();
    time.pass(3_000);
    ledger.open(ten, tell('a'));
    time.pass(5_000);
    time.wallMs -= DAY_MS;
    expect(ledger.secondsToday().get('grants[0]')).toBe(5);
    time.wallMs += DAY_MS + 3_600_000;
    expect(ledger.secondsToday().get('grants[0]')).toBe(5);
  });

  test('so many at once, and one more only when one has ended', () => {
    const { ledger, time, told, tell } = ledgerOf();
    const budgets = [{ rule: 'grants[1]', concurrent: 2 }];
    const close = ledger.open(budgets, tell('a'));
    expect(ledger.spent(budgets)).toBeUndefined();
    ledger.open(budgets, tell('b'));
    expect(ledger.spent(budgets)).toEqual({ rule: 'grants[1]', limit: 'concurrent', allowed: 2, used: 2 });
    time.pass(DAY_MS);
    expect(told).toEqual([]);
    close();
    close();
    expect(ledger.spent(budgets)).toBeUndefined();
  });

  test('of several rules the first without room decides', () => {
    const { ledger, time, told, tell } = ledgerOf();
    const both = [
      { rule: 'grants[0]', secondsPerDay: 100 },
      { rule: 'grants[1]', secondsPerDay: 1 },
    ];
    ledger.open(both, tell('a'));
    time.pass(1_000);
    expect(told.map(([, { rule }]) => rule)).toEqual(['grants[1]']);
    expect(ledger.spent([{ rule: 'grants[0]', secondsPerDay: 100 }])).toBeUndefined();
  });

  test('what the day has seen before counts', () => {
    const { ledger, time, told, tell } = ledgerOf(new Map([['grants[0]', 7_000]]));
    ledger.open(ten, tell('a'));
    time.pass(3_000);
    expect(told).toHaveLength(1);
    expect(ledgerOf(new Map([['grants[0]', 12_500]])).ledger.spent(ten)).toMatchObject({ used: 12 });
  });

  test('time is the sum over all sessions, in whatever order they come and go', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 5_000 }),
      session: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const { ledger, time } = ledgerOf();
        const open = new Map<number, () => void>();
        let expected = 0;
        for (const { waitMs, session } of steps) {
          time.pass(waitMs);
          expected += waitMs * open.size;
          const close = open.get(session);
          if (close === undefined)
            open.set(
              session,
              ledger.open([{ rule: 'r', secondsPerDay: 1_000_000 }], () => {}),
            );
          else close();
          if (close !== undefined) open.delete(session);
        }
        expect(ledger.secondsToday().get('r') ?? 0).toBeCloseTo(expected / 1000, 6);
      }),
    );
  });

  test('is told in words', () => {
    expect(spentInWords({ rule: 'grants[1]', limit: 'concurrent', allowed: 2, used: 2 })).toBe(
      'grants[1] lets 2 at once go on unrecorded, and 2 do',
    );
    expect(spentInWords({ rule: 'grants[0]', limit: 'secondsPerDay', allowed: 10, used: 11 })).toMatch(
      /grants\[0\] lets 10 s a day .* 11 s/,
    );
  });
});
