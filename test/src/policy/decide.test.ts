import { describe, expect, test } from 'vitest';
import type { RequestClass } from '../../../src/kube/request-info.ts';
import { decideRequest, decideSession } from '../../../src/policy/decide.ts';
import type { CapabilityRule } from '../../../src/policy/rules.ts';

function rules(...parts: Partial<CapabilityRule>[]): CapabilityRule[] {
  return parts.map((part, at) => ({
    origin: `grants[${at}]`,
    impersonateGroups: [],
    recorderAddrs: [],
    enforceRecorder: false,
    ...part,
  }));
}

describe('the decision on a session', () => {
  test.each([
    ['no rules', rules(), { kind: 'pass', origins: [] }],
    ['rules that ask for nothing', rules({ impersonateGroups: ['dev'] }), { kind: 'pass', origins: [] }],
    [
      'a recorder',
      rules({}, { recorderAddrs: ['a:1'] }),
      { kind: 'record', failMode: 'open', recorders: ['a:1'], origins: ['grants[1]'] },
    ],
    [
      'an enforced recorder',
      rules({ recorderAddrs: ['a:1'], enforceRecorder: true }),
      { kind: 'record', failMode: 'closed', recorders: ['a:1'], origins: ['grants[0]'] },
    ],
    [
      'the strictest of two rules (B071)',
      rules(
        { recorderAddrs: ['a:1', 'b:1'] },
        { enforceRecorder: true },
        { recorderAddrs: ['b:1', 'c:1', 'a:1'] },
      ),
      {
        kind: 'record',
        failMode: 'closed',
        recorders: ['a:1', 'b:1', 'c:1'],
        origins: ['grants[0]', 'grants[1]', 'grants[2]'],
      },
    ],
    [
      'a budget of each rule that has one',
      rules(
        { recorderAddrs: ['a:1'], failOpenBudget: { secondsPerDay: 60 } },
        { failOpenBudget: { concurrent: 1 } },
        {},
      ),
      {
        kind: 'record',
        failMode: 'open',
        recorders: ['a:1'],
        origins: ['grants[0]', 'grants[1]'],
        budgets: [
          { rule: 'grants[0]', secondsPerDay: 60 },
          { rule: 'grants[1]', concurrent: 1 },
        ],
      },
    ],
    [
      'no budget where another rule enforces',
      rules({ recorderAddrs: ['a:1'], failOpenBudget: { secondsPerDay: 60 } }, { enforceRecorder: true }),
      { kind: 'record', failMode: 'closed', recorders: ['a:1'], origins: ['grants[0]', 'grants[1]'] },
    ],
    [
      'enforcement without a recorder (B071)',
      rules({}, { enforceRecorder: true }),
      {
        kind: 'refuse',
        code: 'KW_RECORDER_UNAVAILABLE',
        message: expect.stringContaining('grants[1]'),
        origins: ['grants[1]'],
      },
    ],
  ])('%s', (_name, given, expected) => {
    expect(decideSession(given)).toEqual(expected);
  });
});

describe('the decision on an ordinary request', () => {
  const classes: readonly (readonly [RequestClass, boolean])[] = [
    ['plain', true],
    ['session', true],
    ['tunnel', false],
    ['relay', false],
    ['node', false],
    ['debug', false],
    ['foreign', false],
  ];

  test.each(classes)('%s under enforcement: %s', (kind, passes) => {
    const decision = decideRequest(rules({}, { enforceRecorder: true }), kind);
    if (passes) expect(decision).toEqual({ kind: 'pass' });
    else {
      expect(decision).toEqual({
        kind: 'refuse',
        code: 'KW_FORBIDDEN',
        message: expect.stringContaining('grants[1]'),
      });
    }
  });

  const UNRECORDABLE = ['tunnel', 'relay', 'node', 'debug', 'foreign'] as const;

  test.each(UNRECORDABLE)('%s passes audited where the enforcing rule says so', kind => {
    const given = rules({ enforceRecorder: true, unrecordable: 'audit' }, { impersonateGroups: ['dev'] });
    expect(decideRequest(given, kind)).toEqual({ kind: 'audit', origins: ['grants[0]'] });
  });

  test.each<[string, CapabilityRule[], string]>([
    [
      'another enforcing rule that says nothing',
      rules({ enforceRecorder: true, unrecordable: 'audit' }, { enforceRecorder: true }),
      'in grants[1]',
    ],
    [
      'another enforcing rule that denies',
      rules(
        { enforceRecorder: true, unrecordable: 'deny' },
        { enforceRecorder: true, unrecordable: 'audit' },
      ),
      'in grants[0]',
    ],
    [
      'a rule that only denies',
      rules({ enforceRecorder: true, unrecordable: 'audit' }, { unrecordable: 'deny' }),
      'in grants[1]',
    ],
    [
      'the enforcing rule, whatever a rule beside it allows',
      rules({ enforceRecorder: true }, { unrecordable: 'audit' }),
      'in grants[0]',
    ],
  ])('deny beats audit: %s', (_name, given, denying) => {
    for (const kind of UNRECORDABLE) {
      const decision = decideRequest(given, kind);
      expect(decision).toMatchObject({ kind: 'refuse', code: 'KW_FORBIDDEN' });
      expect(
        decision.kind === 'refuse' && decision.message.endsWith(`"unrecordable: audit" ${denying}`),
      ).toBe(true);
    }
  });

  test('without enforcement, "unrecordable" has no effect', () => {
    expect(decideRequest(rules({ unrecordable: 'deny' }), 'tunnel')).toEqual({ kind: 'pass' });
  });

  test.each(classes)('%s without enforcement passes', kind => {
    expect(decideRequest(rules({ recorderAddrs: ['a:1'] }), kind)).toEqual({ kind: 'pass' });
  });
});
