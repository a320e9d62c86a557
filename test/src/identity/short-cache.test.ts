import { describe, expect, test } from 'vitest';
import { ShortCache } from '../../../src/identity/short-cache.ts';

function cached(maxEntries = 3) {
  let now = 0;
  const cache = new ShortCache<string>(maxEntries, { monotonic: () => now });
  const loads: string[] = [];
  return {
    cache,
    loads,
    later: (ms: number) => {
      now += ms;
    },
    get: (key: string, keepMs = 100) =>
      cache.get(key, async () => {
        loads.push(key);
        return { value: `${key}${loads.length}`, keepMs };
      }),
  };
}

describe('a short cache', () => {
  test('gives an answer again until its time is over', async () => {
    const { get, later, loads } = cached();
    expect(await get('a')).toBe('a1');
    later(99);
    expect(await get('a')).toBe('a1');
    later(1);
    expect(await get('a')).toBe('a2');
    expect(loads).toEqual(['a', 'a']);
  });

  test('counts the time from the answer on, not from the question', async () => {
    const { cache, later } = cached();
    let answer: (value: string) => void = () => {};
    const loading = cache.get('a', async () => ({
      value: await new Promise<string>(resolve => {
        answer = resolve;
      }),
      keepMs: 100,
    }));
    later(1_000);
    answer('slow');
    expect(await loading).toBe('slow');
    later(99);
    expect(await cache.get('a', async () => ({ value: 'new', keepMs: 100 }))).toBe('slow');
  });

  test('loads once for all who ask at the same time', async () => {
    const { get, loads } = cached();
    expect(await Promise.all([get('a'), get('a'), get('a')])).toEqual(['a1', 'a1', 'a1']);
    expect(loads).toHaveLength(1);
  });

  test('a failure reaches all who wait, and is not kept', async () => {
    const { cache, get } = cached();
    const fail = () => cache.get('a', () => Promise.reject(new Error('no')));
    await expect(Promise.all([fail(), fail()])).rejects.toThrow('no');
    expect(await get('a')).toBe('a1');
  });

  test('what may not be kept is given to those who wait, and to nobody after', async () => {
    const { cache, get } = cached();
    expect(await Promise.all([get('a', 0), get('a', 0)])).toEqual(['a1', 'a1']);
    expect(await get('a', 0)).toBe('a2');
    expect(cache.size).toBe(0);
  });

  test('full, it drops what would expire first', async () => {
    const { cache, get, loads } = cached();
    await get('long', 1_000);
    await get('short', 10);
    await get('middle', 100);
    await get('next', 500);
    expect(cache.size).toBe(3);
    await Promise.all([get('long'), get('middle'), get('next')]);
    expect(loads).toHaveLength(4);
    await get('short');
    expect(loads).toHaveLength(5);
  });

  test('never holds more than its bound, loads under way included', async () => {
    const { cache, get } = cached();
    const all = Array.from({ length: 20 }, (_, at) => get(`k${at}`));
    expect(cache.size).toBe(3);
    expect(await Promise.all(all)).toHaveLength(20);
    expect(cache.size).toBeLessThanOrEqual(3);
  });
});
