import { expect, test } from 'vitest';
import { mergeRules } from '../../../src/policy/rules.ts';

test('rules are merged: groups and addresses once each, first come first; flags by or', () => {
  const merged = mergeRules([
    { origin: 'a', impersonateGroups: ['x', 'y'], recorderAddrs: ['r2:80'], enforceRecorder: false },
    { origin: 'b', impersonateGroups: ['y', 'z'], recorderAddrs: ['r1:80', 'r2:80'], enforceRecorder: true },
    { origin: 'c', impersonateGroups: ['w'], recorderAddrs: [], enforceRecorder: false, enableEvents: true },
  ]);
  expect(merged).toEqual({
    impersonateGroups: ['x', 'y', 'z', 'w'],
    recorderAddrs: ['r2:80', 'r1:80'],
    enforceRecorder: true,
    enableEvents: true,
    origins: ['a', 'b'],
  });
  expect(mergeRules([])).toEqual({
    impersonateGroups: [],
    recorderAddrs: [],
    enforceRecorder: false,
    enableEvents: false,
    origins: [],
  });
});
