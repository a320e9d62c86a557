import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Place } from '../../../src/kube/place.ts';
import type { RequestClass } from '../../../src/kube/request-info.ts';
import { decideRequest, decideSession } from '../../../src/policy/decide.ts';
import type { CapabilityRule } from '../../../src/policy/rules.ts';
import { mergeRules } from '../../../src/policy/rules.ts';
import type { RecordingScope } from '../../../src/policy/scope.ts';
import { rulesAt } from '../../../src/policy/scope.ts';

const rule = (scope?: RecordingScope, changes: Partial<CapabilityRule> = {}): CapabilityRule => ({
  origin: 'grants[0]',
  impersonateGroups: [],
  recorderAddrs: ['a:1'],
  enforceRecorder: true,
  ...(scope === undefined ? {} : { scope }),
  ...changes,
});

describe('where a rule holds', () => {
  const rows: readonly [name: string, scope: RecordingScope | undefined, place: Place, holds: boolean][] = [
    ['everywhere', undefined, { namespace: 'dev', pod: 'web' }, true],
    ['in the namespace', { namespaces: ['prod'] }, { namespace: 'prod', pod: 'web' }, true],
    ['not in another', { namespaces: ['prod'] }, { namespace: 'prod-eu', pod: 'web' }, false],
    ['by a pattern', { namespaces: ['dev', 'prod-*'] }, { namespace: 'prod-eu', pod: 'web' }, true],
    ['on the pod', { pods: ['db-*'] }, { namespace: 'dev', pod: 'db-0' }, true],
    ['not on another', { pods: ['db-*'] }, { namespace: 'dev', pod: 'web' }, false],
    ['on both', { namespaces: ['prod'], pods: ['db-*'] }, { namespace: 'prod', pod: 'db-0' }, true],
    [
      'not when one is another',
      { namespaces: ['prod'], pods: ['db-*'] },
      { namespace: 'dev', pod: 'db-0' },
      false,
    ],
    ['where nothing is known', { namespaces: ['prod'], pods: ['db-*'] }, {}, true],
    ['where the pod is not known', { namespaces: ['prod'], pods: ['db-*'] }, { namespace: 'prod' }, true],
    ['not in another namespace, whatever the pod', { namespaces: ['prod'] }, { namespace: 'dev' }, false],
  ];
  test.each(rows)('%s', (_name, scope, place, holds) => {
    expect(rulesAt([rule(scope)], place)).toHaveLength(holds ? 1 : 0);
  });

  test('the groups that it gives hold everywhere', () => {
    const rules = [rule({ namespaces: ['prod'] }, { impersonateGroups: ['viewers'] })];
    expect(mergeRules(rules).impersonateGroups).toEqual(['viewers']);
  });
});

describe('decisions by place', () => {
  const rules = [
    rule({ namespaces: ['prod-*'] }),
    rule({ pods: ['web-*'] }, { origin: 'grants[1]', recorderAddrs: ['b:1'], enforceRecorder: false }),
  ];
  test.each<[Place, object]>([
    [
      { namespace: 'prod-eu', pod: 'db' },
      { failMode: 'closed', recorders: ['a:1'], origins: ['grants[0]'] },
    ],
    [
      { namespace: 'dev', pod: 'web-0' },
      { failMode: 'open', recorders: ['b:1'], origins: ['grants[1]'] },
    ],
    [
      { namespace: 'prod-eu', pod: 'web-0' },
      { failMode: 'closed', recorders: ['a:1', 'b:1'] },
    ],
    [
      { namespace: 'dev', pod: 'db' },
      { kind: 'pass', origins: [] },
    ],
    [{}, { failMode: 'closed', recorders: ['a:1', 'b:1'] }],
  ])('a session at %j', (place, expected) => {
    expect(decideSession(rules, place)).toMatchObject(expected);
  });

  test.each<[RequestClass, Place, 'pass' | 'refuse']>([
    ['tunnel', { namespace: 'prod-eu', pod: 'db' }, 'refuse'],
    ['tunnel', { namespace: 'dev', pod: 'db' }, 'pass'],
    ['debug', { namespace: 'prod-eu', pod: 'db' }, 'refuse'],
    ['debug', { namespace: 'dev', pod: 'db' }, 'pass'],
    ['relay', {}, 'refuse'],
    ['node', {}, 'refuse'],
    ['foreign', {}, 'refuse'],
  ])('%s at %j', (requestClass, place, kind) => {
    expect(decideRequest(rules, requestClass, place).kind).toBe(kind);
  });

  test('"audit" of a rule elsewhere opens nothing, and "deny" of one elsewhere closes nothing', () => {
    const audited = rule({ namespaces: ['prod'] }, { unrecordable: 'audit' });
    const denied = rule({ namespaces: ['dev'] }, { unrecordable: 'deny', origin: 'grants[1]' });
    expect(decideRequest([audited, denied], 'tunnel', { namespace: 'prod', pod: 'p' }).kind).toBe('audit');
    expect(decideRequest([audited, denied], 'tunnel', { namespace: 'dev', pod: 'p' }).kind).toBe('refuse');
    expect(decideRequest([audited, denied], 'node', {}).kind).toBe('refuse');
  });
});

describe('strictest wins', () => {
  const names = fc.constantFrom('a', 'b', 'ab');
  const patterns = fc.option(fc.array(fc.constantFrom('a', 'b', '*b', 'a*', '*'), { minLength: 1 }), {
    nil: undefined,
  });
  const someRule = fc
    .record({
      namespaces: patterns,
      pods: patterns,
      enforceRecorder: fc.boolean(),
      unrecordable: fc.constantFrom('deny' as const, 'audit' as const, undefined),
    })
    .map(({ namespaces, pods, enforceRecorder, unrecordable }) =>
      rule(
        { ...(namespaces === undefined ? {} : { namespaces }), ...(pods === undefined ? {} : { pods }) },
        { enforceRecorder, ...(unrecordable === undefined ? {} : { unrecordable }) },
      ),
    );
  const ROADS = ['tunnel', 'relay', 'node', 'debug', 'foreign'] as const;
  const strictness = { pass: 0, audit: 1, record: 1, refuse: 3 } as const;
  const ofSession = (rules: readonly CapabilityRule[], place?: Place): number => {
    const decision = decideSession(rules, place);
    return strictness[decision.kind] + (decision.kind === 'record' && decision.failMode === 'closed' ? 1 : 0);
  };

  test('a place that is not known is judged at least as strictly as any place', () => {
    fc.assert(
      fc.property(
        fc.array(someRule),
        names,
        names,
        fc.constantFrom(...ROADS),
        (rules, namespace, pod, road) => {
          for (const place of [{ namespace, pod }, { namespace }]) {
            expect(ofSession(rules)).toBeGreaterThanOrEqual(ofSession(rules, place));
            expect(strictness[decideRequest(rules, road).kind]).toBeGreaterThanOrEqual(
              strictness[decideRequest(rules, road, place).kind],
            );
          }
        },
      ),
    );
  });

  test('one more rule never loosens', () => {
    fc.assert(
      fc.property(
        fc.array(someRule),
        someRule,
        names,
        names,
        fc.constantFrom(...ROADS),
        (rules, more, namespace, pod, road) => {
          const place = { namespace, pod };
          expect(ofSession([...rules, more], place)).toBeGreaterThanOrEqual(ofSession(rules, place));
          expect(strictness[decideRequest([...rules, more], road, place).kind]).toBeGreaterThanOrEqual(
            strictness[decideRequest(rules, road, place).kind],
          );
        },
      ),
    );
  });
});
