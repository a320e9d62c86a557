import { describe, expect, test } from 'vitest';
import type { Check } from '../../../src/checks/check.ts';
import { Readiness } from '../../../src/checks/readiness.ts';

function clockAt() {
  let passed = 0;
  return {
    clock: { now: () => passed, monotonic: () => passed },
    later: (ms: number) => {
      passed += ms;
    },
  };
}

function counted(name: string, keepMs: number): Check & { runs: number; result: () => string | undefined } {
  const check = {
    name,
    keepMs,
    runs: 0,
    result: (): string | undefined => undefined,
    run: () => {
      check.runs++;
      return check.result();
    },
  };
  return check;
}

describe('readiness', () => {
  test('asks once for as long as the answer is kept, whether good or bad', async () => {
    const { clock, later } = clockAt();
    const readiness = new Readiness({ clock });
    const check = counted('upstream', 5_000);
    check.result = () => {
      throw new Error('away');
    };
    readiness.set(check);
    for (const ms of [0, 4_999]) {
      later(ms);
      expect(await readiness.ask()).toEqual([{ name: 'upstream', ok: false, reason: 'away' }]);
    }
    expect(check.runs).toBe(1);
    later(1);
    check.result = () => 'back';
    expect(await readiness.ask()).toEqual([{ name: 'upstream', ok: true, detail: 'back' }]);
    expect(check.runs).toBe(2);
  });

  test('a thousand probes at once are one question', async () => {
    const { clock } = clockAt();
    const readiness = new Readiness({ clock });
    let answer = (): void => {};
    let runs = 0;
    readiness.set({
      name: 'slow',
      keepMs: 5_000,
      run: () => {
        runs++;
        return new Promise(resolve => {
          answer = () => resolve(undefined);
        });
      },
    });
    const probes = Array.from({ length: 1_000 }, () => readiness.ask());
    answer();
    expect((await Promise.all(probes)).flat().every(({ ok }) => ok)).toBe(true);
    expect(runs).toBe(1);
  });

  test('a check that keeps nothing is run each time', async () => {
    const readiness = new Readiness({ clock: clockAt().clock });
    const check = counted('shutdown', 0);
    readiness.set(check);
    await readiness.ask();
    await readiness.ask();
    expect(check.runs).toBe(2);
  });

  test('what never answers has failed, and is told to stop', async () => {
    const readiness = new Readiness({ clock: clockAt().clock, limitMs: 1 });
    let stopped = false;
    readiness.set({
      name: 'hanging',
      keepMs: 0,
      run: signal => {
        signal.addEventListener('abort', () => {
          stopped = true;
        });
        return new Promise(() => {});
      },
    });
    expect(await readiness.ask()).toEqual([{ name: 'hanging', ok: false, reason: 'no answer within 1 ms' }]);
    expect(stopped).toBe(true);
  });

  test('what is excluded is not run', async () => {
    const readiness = new Readiness({ clock: clockAt().clock });
    const check = counted('recorder', 0);
    readiness.set(check);
    readiness.set(counted('upstream', 0));
    expect(await readiness.ask(new Set(['recorder']))).toEqual([{ name: 'upstream', ok: true }]);
    expect(check.runs).toBe(0);
  });

  test('a check can be replaced and taken away while the others stay', async () => {
    const readiness = new Readiness({ clock: clockAt().clock });
    readiness.set(counted('config', 5_000));
    readiness.set(counted('shutdown', 0));
    await readiness.ask();
    readiness.set({ name: 'config', keepMs: 5_000, run: () => 'read again' });
    expect(await readiness.ask()).toEqual([
      { name: 'config', ok: true, detail: 'read again' },
      { name: 'shutdown', ok: true },
    ]);
    readiness.delete('config');
    expect(readiness.names).toEqual(['shutdown']);
  });

  test('a reason of several lines stays one line of the answer', async () => {
    const readiness = new Readiness({ clock: clockAt().clock });
    readiness.set({ name: 'config', keepMs: 0, run: () => Promise.reject(new Error('a\r\n[+]b ok\n')) });
    expect(await readiness.ask()).toEqual([{ name: 'config', ok: false, reason: 'a; [+]b ok; ' }]);
  });
});
