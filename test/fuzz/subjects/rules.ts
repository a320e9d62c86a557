import fc from 'fast-check';
import { WitnessError } from '../../../src/errors.ts';
import { decideSession } from '../../../src/policy/decide.ts';
import { parseCapability } from '../../../src/policy/parse-capability.ts';
import type { Subject } from '../subject.ts';
import { declared, json, must } from '../subject.ts';

/** As Go's encoding/json compares keys: Unicode's simple folding, in which U+017F is an s and U+212A a k. */
function folded(key: string): string {
  return key.toLowerCase().replaceAll('\u017f', 's').replaceAll('\u212a', 'k');
}

function valuesAt(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value)
    .filter(([name]) => folded(name) === key)
    .map(([, field]) => field);
}

function checkCapability(input: Buffer): void {
  const value = declared(
    () => JSON.parse(input.toString('utf8')),
    error => error instanceof SyntaxError,
  );
  const rule = declared(
    () => parseCapability(value, 'fuzz'),
    error => error instanceof WitnessError && error.code === 'KW_RULES_UNREADABLE',
  );
  if (rule === undefined) return;
  const enforced = valuesAt(value, 'enforcerecorder').includes(true);
  const named = valuesAt(value, 'recorderaddrs').some(list => Array.isArray(list) && list.length > 0);
  const decision = decideSession([rule]);
  must(
    typeof value === 'object' && value !== null && !Array.isArray(value),
    'a rule of something that is no object',
  );
  if (enforced) must(rule.enforceRecorder && decision.kind !== 'pass', 'enforced, and not heeded');
  if (named) must(decision.kind === 'record', `recorders are named: ${decision.kind}`);
  if (enforced && decision.kind === 'record') must(decision.failMode === 'closed', 'enforced, and open');
  const denied = valuesAt(value, 'unrecordable').includes('deny');
  must(!denied || rule.unrecordable === 'deny', 'denied, and not heeded');
}

const KEYS = [
  ...['enforceRecorder', 'EnforceRecorder', 'enforcerecorder', 'recorder', 'recorderAddrs', 'RECORDERADDRS'],
  ...[
    'recorderAddr\u017f',
    'impersonate',
    'groups',
    'enableEvents',
    'unrecordable',
    '__proto__',
    'constructor',
  ],
];
const VALUES = [
  true,
  false,
  null,
  ['100.64.0.1:80'],
  ['[fd7a::1]:80'],
  ['name:80'],
  [],
  'deny',
  'audit',
  'true',
  1,
  {},
];

/** A key with a value that fits it. */
const typed = fc.oneof(
  fc.tuple(fc.constantFrom(...KEYS.slice(0, 3)), fc.boolean()),
  fc.tuple(
    fc.constantFrom('recorderAddrs', 'RECORDERADDRS', 'recorderAddr\u017f'),
    fc.constantFrom([], ['100.64.0.1:80'], ['[fd7a::1]:80', '100.64.0.1:80'], null),
  ),
  fc.tuple(fc.constant('unrecordable'), fc.constantFrom('deny', 'audit', null)),
  fc.tuple(fc.constantFrom('enableEvents', 'enableEvent\u017f'), fc.boolean()),
);

export const RULE_SUBJECTS: readonly Subject[] = [
  {
    name: 'capability',
    files: ['src/policy/parse-capability.ts', 'src/policy/rules.ts'],
    words: [
      ...KEYS.map(key => `"${key}":`),
      ...VALUES.map(value => JSON.stringify(value)),
      ',',
      '{',
      '}',
    ].map(word => Buffer.from(word).toString('latin1')),
    grammar: fc
      .oneof(
        json(KEYS, VALUES),
        fc.array(typed, { maxLength: 4 }).map(pairs => Object.fromEntries(pairs)),
      )
      .map(value => Buffer.from(JSON.stringify(value))),
    check: checkCapability,
  },
];
