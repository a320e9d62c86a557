import { describe, expect, test } from 'vitest';
import {
  bucketsOf,
  edgesOf,
  reasonsOf,
  seriesOf,
  sessionsMissing,
  within,
} from '../../../../src/live/page/failure-history.ts';
import { unrecorded } from '../unrecorded-samples.ts';

const NOW = new Date(2026, 2, 4, 15, 20).getTime();
const HOUR = 3_600_000;
const at = (ms: number): string => new Date(ms).toISOString();

describe('spans', () => {
  test('today is from midnight to midnight here, in hours', () => {
    const edges = edgesOf('today', NOW);
    expect([edges[0], edges.at(-1), edges.length]).toEqual([
      new Date(2026, 2, 4).getTime(),
      new Date(2026, 2, 5).getTime(),
      25,
    ]);
  });

  test('a day ends with the hour that runs', () => {
    const edges = edgesOf('24h', NOW);
    expect([edges.at(-1), edges.length]).toEqual([new Date(2026, 2, 4, 16).getTime(), 25]);
  });

  test('a week is seven days by their midnights, this one the last', () => {
    expect(edgesOf('7d', NOW).map(edge => new Date(edge).getDate())).toEqual([26, 27, 28, 1, 2, 3, 4, 5]);
  });

  test('an edge belongs to what begins there, and what is outside counts nowhere', () => {
    const items = [NOW - HOUR - 1, NOW - HOUR, NOW - 1, NOW].map(ms => unrecorded({ at: at(ms) }));
    const edges = [NOW - HOUR, NOW];
    expect(within(items, edges)).toHaveLength(2);
    expect(bucketsOf(items, edges)).toEqual([{ fromMs: NOW - HOUR, toMs: NOW, count: 2 }]);
  });
});

test('series are by the dimension asked for, the most frequent first', () => {
  const items = [
    unrecorded({ phase: 'connect', recorder: 'a:80' }),
    unrecorded({ phase: 'stream', recorder: 'a:80' }),
    unrecorded({ phase: 'stream', recorder: 'b:80' }),
  ];
  const edges = [Date.parse(items[0]?.at ?? ''), Date.parse(items[0]?.at ?? '') + 1];
  const told = (by: 'phase' | 'recorder') =>
    seriesOf(items, by, edges).map(({ value, total, buckets }) => [value, total, buckets[0]?.count]);
  expect(told('phase')).toEqual([
    ['stream', 2, 2],
    ['connect', 1, 1],
  ]);
  expect(told('recorder')).toEqual([
    ['a:80', 2, 2],
    ['b:80', 1, 1],
  ]);
});

test('reasons: what is missing first; a session counts once, and not at all when it was saved', () => {
  const items = [
    unrecorded({ sessionId: 'a' }),
    unrecorded({ sessionId: 'a' }),
    unrecorded({ sessionId: 'b', phase: 'stream', recovered: true, action: 'handedOver' }),
    unrecorded({ sessionId: 'b', phase: 'stream', recovered: true, action: 'handedOver' }),
    unrecorded({ sessionId: 'b', phase: 'stream', recovered: true, action: 'handedOver' }),
  ];
  expect(reasonsOf(items).map(({ phase, recovered, items: all }) => [phase, recovered, all.length])).toEqual([
    ['connect', false, 2],
    ['stream', true, 3],
  ]);
  expect(sessionsMissing(items)).toBe(1);
});
