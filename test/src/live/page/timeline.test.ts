import { describe, expect, test } from 'vitest';
import { joinedMs, lasted, stayAt, staysOf, unrecordedMs } from '../../../../src/live/page/timeline.ts';
import { at, ended, session } from '../sessions.ts';

const opened = {
  transitions: [
    { state: 'deciding', event: 'session.requested', at: at(0) },
    { state: 'joined.streaming', event: 'connectRecorders.done', at: at(100) },
    { state: 'joined.failingOpen', event: 'recorder.failed', at: at(300) },
    { state: 'joined.streaming', event: 'recorder.returned', at: at(700) },
    { state: 'joined.failingOpen', event: 'recorder.failed', at: at(900) },
  ],
};
const times = (stays: ReturnType<typeof staysOf>): number[][] =>
  stays.map(({ fromMs, toMs }) => [fromMs, toMs]);

describe('timeline', () => {
  test('each stay goes on until the next; the last of a live session until now', () => {
    const stays = staysOf(session('a', opened), Date.parse(at(1500)));
    expect(times(stays)).toEqual([
      [0, 100],
      [100, 300],
      [300, 700],
      [700, 900],
      [900, 1500],
    ]);
    expect(unrecordedMs(stays)).toBe(1000);
    expect(joinedMs(stays)).toBe(100);
  });

  test('of an ended session nothing goes on', () => {
    const view = ended('a', opened);
    expect(times(staysOf(view, Date.parse(at(99_000)))).at(-1)).toEqual([900, 1000]);
    expect(lasted(view, Date.parse(at(99_000)))).toBe(1000);
  });

  test('a clock that was set back gives no negative stay', () => {
    const back = session('a', {
      transitions: [
        { state: 'deciding', event: 'session.requested', at: at(50) },
        { state: 'ending', event: 'client.left', at: at(-500) },
      ],
    });
    for (const { fromMs, toMs } of staysOf(back, Date.parse(at(-400)))) {
      expect(fromMs).toBeGreaterThanOrEqual(0);
      expect(toMs).toBeGreaterThanOrEqual(fromMs);
    }
  });

  test.each([
    [-5, 0],
    [0, 0],
    [99, 0],
    [100, 1],
    [899, 3],
    [5000, 4],
  ])('at %i ms it is stay %i', (ms, index) => {
    expect(stayAt(staysOf(session('a', opened), Date.parse(at(1500))), ms)).toBe(index);
  });
});
