import { expect, test } from 'vitest';
import { searchParams } from '../../../../src/live/page/recordings-search.ts';

test('days become the moments at which they begin and end here', () => {
  const {
    since = '',
    until = '',
    ...others
  } = searchParams({ user: 'ann', from: '2026-01-31', to: '2026-01-31' });
  expect(others).toEqual({ user: 'ann' });
  expect(new Date(since).getTime()).toBe(new Date(2026, 0, 31).getTime());
  expect(new Date(until).getTime()).toBe(new Date(2026, 1, 1).getTime());
});

test('what is no day is left to the server, which refuses it', () => {
  expect(searchParams({ from: 'yesterday' })).toEqual({ since: 'yesterday' });
});
