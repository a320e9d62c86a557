import { describe, expect, test } from 'vitest';
import type { AskedImpersonation } from '../../../src/identity/asked-impersonation.ts';
import {
  actingAs,
  mayImpersonate,
  readAskedImpersonation,
  realUser,
} from '../../../src/identity/asked-impersonation.ts';
import { upstreamHeaders } from '../../../src/policy/impersonate.ts';
import type { CapabilityRule } from '../../../src/policy/rules.ts';

const AS_BOB = ['Impersonate-User', 'bob'];
const rule = (origin: string, users?: string[], groups: string[] = []): CapabilityRule => ({
  origin,
  impersonateGroups: ['granted'],
  recorderAddrs: ['r:80'],
  enforceRecorder: true,
  ...(users === undefined ? {} : { impersonateAs: { users, groups } }),
});

describe('asking to act as somebody', () => {
  test.each<[string, string[], AskedImpersonation | undefined]>([
    ['nothing', ['Accept', '*/*'], undefined],
    ['an alias of the name, which never goes upstream', ['Impersonate_User', 'bob'], undefined],
    ['a user', ['impersonate-USER', 'bob'], { user: 'bob', groups: [], extraKeys: [] }],
    [
      'groups, one a line',
      [...AS_BOB, 'Impersonate-Group', 'ops, eu', 'impersonate-group', 'dev'],
      { user: 'bob', groups: ['ops, eu', 'dev'], extraKeys: [] },
    ],
    ['a uid', [...AS_BOB, 'Impersonate-Uid', 'u'], { user: 'bob', groups: [], uid: 'u', extraKeys: [] }],
    [
      'extra values',
      [...AS_BOB, 'Impersonate-Extra-Team%2Fa', 'x'],
      { user: 'bob', groups: [], extraKeys: ['team/a'] },
    ],
    [
      'a name that is UTF-8',
      ['Impersonate-User', Buffer.from('Zoë').toString('latin1')],
      { user: 'Zoë', groups: [], extraKeys: [] },
    ],
  ])('%s', (_name, raw, expected) => {
    expect(readAskedImpersonation(raw)).toEqual(expected);
  });

  test.each<[string, string[]]>([
    ['two users', [...AS_BOB, 'impersonate-user', 'eve']],
    ['an empty user', ['Impersonate-User', '']],
    ['a group without a user', ['Impersonate-Group', 'dev']],
    ['a uid without a user', ['Impersonate-Uid', 'u']],
    ['extra values without a user', ['Impersonate-Extra-a', 'x']],
    ['a key that is not encoded', [...AS_BOB, 'Impersonate-Extra-%zz', 'x']],
    ['bytes that are no UTF-8', ['Impersonate-User', '\xff']],
  ])('%s is a bad request', (_name, raw) => {
    expect(() => readAskedImpersonation(raw)).toThrow(expect.objectContaining({ code: 'KW_BAD_REQUEST' }));
  });
});

describe('acting as somebody', () => {
  const asked = (user: string, ...groups: string[]): AskedImpersonation => ({ user, groups, extraKeys: [] });

  test.each<[string, CapabilityRule[], AskedImpersonation]>([
    ['the user by name', [rule('0', ['bob'])], asked('bob')],
    ['the user by a star', [rule('0', ['*@corp.com'])], asked('bob@corp.com')],
    ['user and groups', [rule('0', ['bob'], ['dev', 'team-*'])], asked('bob', 'dev', 'team-a')],
    ['in a later rule', [rule('0'), rule('1', ['eve']), rule('2', ['bob'])], asked('bob')],
    [
      'a service account, where it is written',
      [rule('0', ['system:serviceaccount:ci:*'])],
      asked('system:serviceaccount:ci:a'),
    ],
  ])('is allowed by a rule that names %s', (_name, rules, whom) => {
    expect(mayImpersonate(rules, whom)).toBe(rules.at(-1));
  });

  test.each<[string, CapabilityRule[], AskedImpersonation]>([
    ['there are no rules', [], asked('bob')],
    ['no rule speaks of it', [rule('0')], asked('bob')],
    ['the user is another', [rule('0', ['bob'])], asked('bobby')],
    ['a group is not named', [rule('0', ['bob'], ['dev'])], asked('bob', 'dev', 'ops')],
    [
      'user and groups are in two rules',
      [rule('0', ['bob']), rule('1', ['eve'], ['dev'])],
      asked('bob', 'dev'),
    ],
    ['the star would reach the system', [rule('0', ['*'], ['*'])], asked('bob', 'system:masters')],
    ['the star would reach a system user', [rule('0', ['*'], ['*'])], asked('system:admin')],
    ['it asks for a uid', [rule('0', ['*'])], { ...asked('bob'), uid: 'u' }],
    ['it asks for extra values', [rule('0', ['*'])], { ...asked('bob'), extraKeys: ['a'] }],
  ])('is refused when %s', (_name, rules, whom) => {
    expect(() => mayImpersonate(rules, whom)).toThrow(
      expect.objectContaining({
        code: 'KW_FORBIDDEN',
        status: 403,
        message: expect.stringContaining('act as'),
      }),
    );
  });

  const caller = {
    user: 'ann',
    groups: ['dev', 'granted'],
    uid: 'u1',
    extra: { team: ['a'] },
    source: 'static' as const,
    rules: [rule('0', ['*'], ['*'])],
    device: { node: 'n', nodeId: 'i', tags: [] },
  };

  test('takes the name and the groups as asked, and nothing of the caller but the trace', () => {
    expect(actingAs(caller, asked('bob', 'ops', 'ops'), [])).toEqual({
      user: 'bob',
      groups: ['ops'],
      extra: { 'kubewitness.dev/original-user': ['ann'] },
      source: 'static',
      rules: caller.rules,
      device: caller.device,
    });
  });

  test('stays one caller, whoever they act as', () => {
    expect(realUser(caller)).toBe('ann');
    expect(realUser(actingAs(caller, asked('bob'), []))).toBe('ann');
  });

  test("the caller's rules go on to hold, and so do those for the name", () => {
    const grants = [
      { subjects: [{ user: 'bob' }], rule: rule('grants[1]') },
      { subjects: [{ user: 'ann' }], rule: rule('grants[2]') },
    ];
    const { rules } = actingAs(caller, asked('bob'), grants);
    expect(rules.map(({ origin }) => origin)).toEqual(['0', 'grants[1]']);
  });

  test('nobody gets around the grants for a service account by naming no group of it', () => {
    const grants = [
      { subjects: [{ group: 'system:serviceaccounts:ci' }], rule: rule('grants[1]') },
      { subjects: [{ serviceaccount: 'ci:*' }], rule: rule('grants[2]') },
      { subjects: [{ serviceaccount: 'cd:*' }], rule: rule('grants[3]') },
    ];
    const allowed = { ...caller, rules: [rule('0', ['system:serviceaccount:ci:*'])] };
    const { rules } = actingAs(allowed, asked('system:serviceaccount:ci:runner'), grants);
    expect(rules.map(({ origin }) => origin)).toEqual(['0', 'grants[1]', 'grants[2]']);
  });

  test('in noauth the API server says who may; here both have their rules', () => {
    const grants = [{ subjects: [{ user: 'bob' }], rule: rule('grants[1]') }];
    const plain = { ...caller, rules: [rule('0')] };
    const acting = actingAs(plain, { ...asked('bob'), uid: 'u' }, grants, 'noauth');
    expect(acting).toEqual({ ...plain, rules: [rule('0'), rule('grants[1]')] });
  });

  test('shows the caller upstream beside the impersonated user', () => {
    const headers = upstreamHeaders(AS_BOB, actingAs(caller, asked('bob'), []));
    expect(headers).toEqual(
      expect.arrayContaining([
        'Impersonate-User',
        'bob',
        'Impersonate-Extra-kubewitness.dev%2Foriginal-user',
        'ann',
      ]),
    );
    expect(headers).not.toContain('Impersonate-Group');
  });

  test('is refused for a name that cannot be carried', () => {
    expect(() => actingAs(caller, asked('bob\n'), [])).toThrow(
      expect.objectContaining({ code: 'KW_FORBIDDEN' }),
    );
    expect(() => actingAs(caller, asked('bob', ''), [])).toThrow(
      expect.objectContaining({ code: 'KW_FORBIDDEN' }),
    );
    expect(() => actingAs({ ...caller, rules: [] }, asked('bob'), [])).toThrow('act as');
  });
});
