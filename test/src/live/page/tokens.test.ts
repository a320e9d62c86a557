import { describe, expect, test } from 'vitest';
import type { ChartLayout } from '../../../../machines/chart-layout.ts';
import { FAREWELL_MS, placeTokens } from '../../../../src/live/page/tokens.ts';
import { at, ended, session } from '../sessions.ts';

const state = {
  key: '',
  initial: false,
  final: false,
  work: [],
  tags: [],
  y: 0,
  width: 100,
  height: 100,
  compound: false,
};
const layout: ChartLayout = {
  width: 400,
  height: 100,
  arrows: [],
  states: [
    { ...state, name: 'joined', x: 0, compound: true },
    { ...state, name: 'joined.streaming', x: 0 },
    { ...state, name: 'closed', x: 200 },
  ],
};
const now = Date.parse(at(1000)) + FAREWELL_MS;

describe('placeTokens', () => {
  test('each session has a place of its own inside its state', () => {
    const { tokens } = placeTokens(
      layout,
      ['a', 'b', 'c'].map(id => session(id)),
      now,
    );
    expect(new Set(tokens.map(({ x, y }) => `${x} ${y}`)).size).toBe(3);
    for (const { x, y } of tokens) expect(x > 0 && x < 100 && y > 0 && y < 100).toBe(true);
  });

  test('a full state counts all and shows those who have been there longest', () => {
    const many = Array.from({ length: 1000 }, (_, n) => session(`s${n}`, { since: at(1000 - n) }));
    const { tokens, occupancy } = placeTokens(layout, many, now);
    expect(occupancy.get('joined.streaming')).toEqual({ count: 1000, longestMs: now - Date.parse(at(1)) });
    expect(tokens.length).toBeLessThan(20);
    expect(tokens[0]?.session.id).toBe('s999');
  });

  test('an ended session is seen to close, and goes', () => {
    const gone = ended('a', { endedAt: at(1000) });
    expect(placeTokens(layout, [gone], now).tokens.map(({ session: { id } }) => id)).toEqual(['a']);
    expect(placeTokens(layout, [gone], now + 1).tokens).toEqual([]);
  });
});
