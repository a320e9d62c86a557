import { describe, expect, test } from 'vitest';
import { checkedCaller } from '../../../src/policy/caller.ts';

const rule = { origin: 'grants[0]', recorderAddrs: [], enforceRecorder: false };

describe('a checked caller', () => {
  test('acts with its own groups and those that its rules grant, each once', () => {
    const caller = checkedCaller({
      user: 'ann',
      groups: ['dev', 'ops'],
      source: 'static',
      rules: [
        { ...rule, impersonateGroups: ['ops', 'admins'] },
        { ...rule, impersonateGroups: ['admins', 'dev', 'eu'] },
      ],
    });
    expect(caller.groups).toEqual(['dev', 'ops', 'admins', 'eu']);
  });

  test('is refused when a granted group cannot be carried', () => {
    const rules = [{ ...rule, impersonateGroups: ['a\nb'] }];
    expect(() => checkedCaller({ user: 'ann', groups: [], source: 'static', rules })).toThrow(
      expect.objectContaining({ code: 'KW_FORBIDDEN' }),
    );
  });
});
