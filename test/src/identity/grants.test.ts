import { describe, expect, test } from 'vitest';
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
