import { describe, expect, test } from 'vitest';
import { matchesQuery, parseRecordingQuery } from '../../../src/recorder/recording-query.ts';
import { manifestAt, NEW_YEAR_MS } from './manifests.ts';

const ID = '0'.repeat(32);

function parse(query: string) {
  return parseRecordingQuery(new URLSearchParams(query), 500);
}

describe('parameters of a search', () => {
  test('none ask for the newest hundred', () => {
    expect(parse('')).toEqual({ limit: 100 });
  });

  test('all of them', () => {
    const query =
      'user=ann&namespace=shop&pod=web&container=app&command=cat+x&session=s&complete=false&limit=900&' +
      `since=2026-01-01&until=2026-01-02T03:04:05%2B01:00&before=${ID}`;
    expect(parse(query)).toEqual({
      user: 'ann',
      namespace: 'shop',
      pod: 'web',
      container: 'app',
      command: 'cat x',
      session: 's',
      complete: false,
      limit: 500,
      sinceMs: NEW_YEAR_MS,
      untilMs: Date.UTC(2026, 0, 2, 2, 4, 5),
      before: ID,
    });
  });

  test.each([
    ['usr=ann', 'there is no filter usr'],
    ['user=ann&user=bob', 'user is given twice'],
    ['since=yesterday', 'since is not'],
    ['since=1', 'since is not'],
    ['until=2026-13-01', 'until is not'],
    ['complete=maybe', 'complete is not'],
    ['before=x', 'before is not'],
    ['limit=0', 'limit is not'],
    ['limit=-1', 'limit is not'],
  ])('%s is refused', (query, reason) => {
    expect(parse(query)).toEqual(expect.stringContaining(reason));
  });
});

describe('a search finds', () => {
  const manifest = manifestAt(1000, {
    user: 'ann',
    namespace: 'shop',
    pod: 'web',
    container: 'app',
    command: 'cat /etc/Passwd',
    session: 's',
  });
  const received = NEW_YEAR_MS + 1000;
  test.each([
    [{}, true],
    [{ user: 'ann' }, true],
    [{ user: 'an' }, false],
    [{ namespace: 'shop', pod: 'web', container: 'app' }, true],
    [{ namespace: 'shop', pod: 'db' }, false],
    [{ namespace: 'default' }, false],
    [{ container: 'sidecar' }, false],
    [{ command: 'ETC/pass' }, true],
    [{ command: 'shadow' }, false],
    [{ session: 's' }, true],
    [{ session: 't' }, false],
    [{ complete: true }, true],
    [{ complete: false }, false],
    [{ sinceMs: received }, true],
    [{ sinceMs: received + 1 }, false],
    [{ untilMs: received }, false],
    [{ untilMs: received + 1 }, true],
  ])('by %j: %s', (query, found) => {
    expect(matchesQuery(manifest, { ...query, limit: 1 })).toBe(found);
  });

  test('the user of the node where none was impersonated', () => {
    const { header, ...rest } = manifestAt(0);
    if (header === undefined) throw new Error('no header');
    const tagged = { ...rest, header: { ...header, srcNodeUser: 'ann@example.com' } };
    expect(matchesQuery(tagged, { user: 'ann@example.com', limit: 1 })).toBe(true);
  });
});
