import { describe, expect, test } from 'vitest';
import type { FeedMessage } from '../../../src/live/feed-message.ts';
import { mirrored } from '../../../src/live/feed-mirror.ts';
import { at, session } from './sessions.ts';

const snapshot: FeedMessage = {
  type: 'snapshot',
  seq: 4,
  at: at(0),
  recordings: true,
  sandbox: false,
  sessions: [session('a'), session('b')],
};

describe('mirrored', () => {
  test('a snapshot replaces whatever was there', () => {
    const old = mirrored(undefined, { ...snapshot, seq: 90, sessions: [session('z')] });
    expect([...(mirrored(old, snapshot)?.sessions.keys() ?? [])]).toEqual(['a', 'b']);
  });

  test('a delta replaces, adds and forgets', () => {
    const changed = session('a', { state: 'joined.failingOpen' });
    const mirror = mirrored(mirrored(undefined, snapshot), {
      type: 'delta',
      seq: 5,
      sessions: [changed, session('c')],
      forgotten: ['b'],
    });
    expect(mirror).toEqual({
      seq: 5,
      recordings: true,
      sandbox: false,
      sessions: new Map([
        ['a', changed],
        ['c', session('c')],
      ]),
    });
  });

  test.each([
    ['a delta before any snapshot', undefined, { type: 'delta', seq: 5, sessions: [], forgotten: [] }],
    ['a beat before any snapshot', undefined, { type: 'beat', seq: 4 }],
    ['a gap', snapshot, { type: 'delta', seq: 6, sessions: [], forgotten: [] }],
    ['a delta told twice', snapshot, { type: 'delta', seq: 4, sessions: [], forgotten: [] }],
    ['a beat that counts further', snapshot, { type: 'beat', seq: 5 }],
  ] as const)('%s asks for a new snapshot', (_name, first, message: FeedMessage) => {
    const mirror = first === undefined ? undefined : mirrored(undefined, first);
    expect(mirrored(mirror, message)).toBeUndefined();
  });
});
