import { describe, expect, test } from 'vitest';
import type { Subject } from '../../../src/identity/grants.ts';
import { rulesFor } from '../../../src/identity/grants.ts';

const rule = (origin: string) => ({
  origin,
  impersonateGroups: [],
  recorderAddrs: [],
  enforceRecorder: false,
});

describe('grants', () => {
  test('hold when one subject matches, in their order', () => {
    const grants = [
      { subjects: [{ user: 'bob' }], rule: rule('0') },
      { subjects: [{ user: 'eve' }, { group: 'dev' }], rule: rule('1') },
      { subjects: [{ user: 'ann' }], rule: rule('2') },
      { subjects: [{ group: 'ann' }], rule: rule('3') },
      { subjects: [], rule: rule('4') },
    ];
    const rules = rulesFor(grants, { user: 'ann', groups: ['ops', 'dev'] });
    expect(rules.map(({ origin }) => origin)).toEqual(['1', '2']);
  });

  test('a granted group brings no other grant', () => {
    const grants = [
      { subjects: [{ user: 'ann' }], rule: { ...rule('0'), impersonateGroups: ['admins'] } },
      { subjects: [{ group: 'admins' }], rule: rule('1') },
    ];
    expect(rulesFor(grants, { user: 'ann', groups: [] })).toHaveLength(1);
  });

  test.each<[subject: Subject, holds: boolean]>([
    [{ tag: 'tag:ci' }, true],
    [{ tag: 'tag:*' }, true],
    [{ tag: '*' }, true],
    [{ tag: 'tag:c' }, false],
    [{ group: 'tag:ci' }, false],
    [{ user: 'tag:ci' }, false],
    [{ serviceaccount: 'prod:db' }, true],
    [{ serviceaccount: 'pr*:*' }, true],
    [{ serviceaccount: '*:db' }, true],
    [{ serviceaccount: '*:*od' }, false],
    [{ serviceaccount: 'pro:d:db' }, false],
    [{ serviceaccount: 'prod' }, false],
    [{ group: 'system:serviceaccounts:prod' }, true],
    [{ group: 'system:serviceaccounts' }, true],
    [{ group: 'system:serviceaccounts:dev' }, false],
  ])('for %j', (subject, holds) => {
    const identity = { user: 'system:serviceaccount:prod:db', groups: [], tags: ['tag:ci'] };
    expect(rulesFor([{ subjects: [subject], rule: rule('0') }], identity)).toHaveLength(holds ? 1 : 0);
  });

  test.each([
    'system:serviceaccount:prod',
    'system:serviceaccount:prod:db:x',
    'system:serviceaccount::db',
    'x:system:serviceaccount:prod:db',
    'prod:db',
  ])('%s is no service account', user => {
    const grants = [{ subjects: [{ serviceaccount: '*:*' }], rule: rule('0') }];
    expect(rulesFor(grants, { user, groups: [] })).toEqual([]);
  });

  test('a source that knows no devices brings no grant by tag', () => {
    expect(rulesFor([{ subjects: [{ tag: '*' }], rule: rule('0') }], { user: 'ann', groups: [] })).toEqual(
      [],
    );
  });

  test.each([
    ['ann', 'ann', true],
    ['ann', 'anna', false],
    ['ann', 'Ann', false],
    ['*', '', true],
    ['*', 'ann', true],
    ['*@corp.com', 'ann@corp.com', true],
    ['*@corp.com', 'ann@corp.com.evil', false],
    ['dev-*', 'dev-', true],
    ['dev-*', 'xdev-a', false],
    ['a*b*c', 'a1b2bc', true],
    ['a*b*c', 'acb', false],
    ['aa*aa', 'aaa', false],
    ['a*a', 'a', false],
    ['a**b', 'ab', true],
    ['a.c', 'abc', false],
    ['[a-z]+', 'abc', false],
    [`${'a*'.repeat(40)}b`, 'a'.repeat(1000), false],
  ])('the pattern %s and the name %s: %s', (user, name, expected) => {
    const found = rulesFor([{ subjects: [{ user }], rule: rule('0') }], { user: name, groups: [] });
    expect(found.length === 1).toBe(expected);
  });
});
