import { describe, expect, test } from 'vitest';
import { FileWatch, LOOK_EVERY_MS, SETTLE_MS } from '../../../src/cli/file-watch.ts';

/** Content and timer are the test's. */
function watching() {
  const now = { text: 'one' };
  const taken: string[] = [];
  let due: { ms: number; then: () => void } | undefined;
  const watch = new FileWatch({
    look: () => new Map([['c.yaml', { text: now.text }]]),
    take: (seen, trigger) => taken.push(`${trigger} ${JSON.stringify(seen.get('c.yaml'))}`),
    after: (ms, then) => {
      const mine = { ms, then };
      due = mine;
      return () => {
        if (due === mine) due = undefined;
      };
    },
  });
  return {
    now,
    taken,
    watch,
    waits: () => due?.ms,
    look: () => {
      const timer = due;
      timer?.then();
    },
  };
}

describe('the watch over a configuration', () => {
  test('hands on what there is at the beginning: it can have changed since it was read', () => {
    const { taken, look, waits } = watching();
    expect(waits()).toBe(LOOK_EVERY_MS);
    look();
    look();
    look();
    expect(taken).toEqual(['files {"text":"one"}']);
  });

  test('hands on a change once two looks agree, and then no more', () => {
    const { now, taken, look, waits } = watching();
    look();
    look();
    taken.length = 0;
    now.text = 'half';
    look();
    expect(waits()).toBe(SETTLE_MS);
    now.text = 'whole';
    look();
    expect(taken).toEqual([]);
    look();
    expect(taken).toEqual(['files {"text":"whole"}']);
    expect(waits()).toBe(LOOK_EVERY_MS);
    look();
    look();
    expect(taken).toHaveLength(1);
  });

  test('a change that is taken back is none', () => {
    const { now, taken, look, waits } = watching();
    look();
    look();
    taken.length = 0;
    now.text = 'two';
    look();
    now.text = 'one';
    look();
    expect(waits()).toBe(LOOK_EVERY_MS);
    look();
    expect(taken).toEqual([]);
  });

  test('asked, it hands on what there is at once, changed or not, and not a second time', () => {
    const { now, taken, look, watch } = watching();
    now.text = 'two';
    watch.now();
    watch.now();
    look();
    look();
    expect(taken).toEqual(['SIGHUP {"text":"two"}', 'SIGHUP {"text":"two"}']);
  });

  test('closed, it looks no more', () => {
    const { watch, waits } = watching();
    watch.close();
    expect(waits()).toBeUndefined();
  });
});
