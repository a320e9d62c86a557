import { describe, expect, test } from 'vitest';
import { choices, filtered } from '../../../../src/live/page/filter.ts';
import type { Filter } from '../../../../src/live/page/route.ts';
import { at, ended, session } from '../sessions.ts';

const bob = { user: 'bob', groups: [], source: 'static' };
const all = [
  session('live'),
  ended('late', { startedAt: at(9000), caller: bob, command: ['psql', '-c', 'SELECT 1'] }),
  ended('early', {
    namespace: 'shop',
    pod: 'db',
    outcome: 'refused',
    cause: { code: 'KW_X', message: 'Why not' },
  }),
  session('later', { startedAt: at(5000), state: 'joined.failingOpen' }),
];

describe('filtered', () => {
  test('live ones first, each kind newest first', () => {
    expect(filtered(all, {}).map(({ id }) => id)).toEqual(['later', 'live', 'late', 'early']);
  });

  test.each<[Filter, string[]]>([
    [{ user: 'bob' }, ['late']],
    [{ user: 'bo' }, []],
    [{ namespace: 'shop' }, ['early']],
    [{ pod: 'db' }, ['early']],
    [{ state: 'joined.failingOpen' }, ['later']],
    [{ outcome: 'live' }, ['later', 'live']],
    [{ outcome: 'refused' }, ['early']],
    [{ text: 'select' }, ['late']],
    [{ text: 'why NOT' }, ['early']],
    [{ text: 'shop/db' }, ['early']],
    [{ text: 'rec:80', outcome: 'recorded' }, ['late']],
    [{ user: 'ann', outcome: 'recorded' }, []],
  ])('%j', (filter, ids) => {
    expect(filtered(all, filter).map(({ id }) => id)).toEqual(ids);
  });
});

test('choices are what occurs, and what is chosen already', () => {
  expect(choices(all, ({ pod }) => pod, 'gone')).toEqual(['db', 'gone', 'web']);
});
