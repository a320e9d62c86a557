import { describe, expect, test } from 'vitest';
import { hrefOf, parseRoute, type Route } from '../../../../src/live/page/route.ts';

const routes: readonly Route[] = [
  { view: 'overview' },
  { view: 'sessions', filter: {} },
  {
    view: 'sessions',
    filter: {
      user: 'a&b=c#d?e',
      namespace: 'x y',
      pod: '<p>',
      state: 'joined.failingOpen',
      outcome: 'live',
      text: '100% +ü',
    },
  },
  { view: 'session', id: '0b5c/../%41' },
  { view: 'failures', span: 'today', by: 'phase' },
  { view: 'failures', span: '7d', by: 'recorder', chosen: '[::1]:80' },
  { view: 'recordings', sought: { command: 'psql', from: '2026-01-31' } },
  { view: 'recording', id: '20260301T100000Z-1' },
];

describe('route', () => {
  test.each(routes)('a link to it shows the same: %j', route => {
    expect(parseRoute(hrefOf(route))).toEqual(route);
  });

  test.each(['', '#', '#/', '#/nowhere', '#javascript:alert(1)', '#//evil.example'])(
    '%j shows the overview',
    hash => {
      expect(parseRoute(hash)).toEqual({ view: 'overview' });
    },
  );

  test('unknown filters and empty ones are left out', () => {
    expect(parseRoute('#/sessions?user=&colour=red&pod=web')).toEqual({
      view: 'sessions',
      filter: { pod: 'web' },
    });
  });

  test('a broken escape is an id that matches nothing', () => {
    expect(parseRoute('#/sessions/%E0%A4%A')).toEqual({ view: 'session', id: '%E0%A4%A' });
  });
});
