import { describe, expect, test } from 'vitest';
import { RecorderHealth } from '../../../src/recording/recorder-health.ts';
import { FakeTime } from './fake-time.ts';

function watch() {
  const time = new FakeTime();
  const probes: string[] = [];
  const back = new Set<string>();
  const health = new RecorderHealth({
    timers: time,
    probe: async recorder => {
      probes.push(recorder);
      if (!back.has(recorder)) throw new Error('still away');
    },
  });
  /** Lets a probe that is under way come out. */
  const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
  return { time, probes, back, health, settle };
}

describe('what is remembered of recorders', () => {
  test('one that failed lately goes last, the others keep their order', () => {
    const { health } = watch();
    health.failed('a');
    expect(health.order(['a', 'b', 'c'])).toEqual(['b', 'c', 'a']);
    health.failed('c');
    expect(health.order(['a', 'b', 'c'])).toEqual(['b', 'a', 'c']);
  });

  test('it is back in its place once it answers in the background', async () => {
    const { health, time, back, settle } = watch();
    health.failed('a');
    back.add('a');
    time.pass(1_999);
    expect(health.order(['a', 'b'])).toEqual(['b', 'a']);
    time.pass(1);
    await settle();
    expect(health.order(['a', 'b'])).toEqual(['a', 'b']);
    expect(time.timers).toBe(0);
  });

  test('it is looked after ever less often', async () => {
    const { health, time, probes, settle } = watch();
    health.failed('a');
    for (const wait of [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      time.pass(wait - 1);
      await settle();
      const before = probes.length;
      time.pass(1);
      await settle();
      expect(probes.length).toBe(before + 1);
    }
  });

  test('a session that it accepts clears it at once', () => {
    const { health, time } = watch();
    health.failed('a');
    health.accepted('a');
    expect(health.order(['a', 'b'])).toEqual(['a', 'b']);
    expect(time.timers).toBe(0);
  });

  test('many failures are one look', () => {
    const { health, time } = watch();
    for (let count = 0; count < 50; count++) health.failed('a');
    expect(time.timers).toBe(1);
  });

  test('after close nothing is looked after', async () => {
    const { health, time, settle } = watch();
    health.failed('a');
    time.pass(2_000);
    health.close();
    await settle();
    health.failed('b');
    expect(time.timers).toBe(0);
  });
});
