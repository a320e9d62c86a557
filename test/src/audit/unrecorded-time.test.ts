import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { unrecordedTime } from '../../../src/audit/unrecorded-time.ts';
import { chainOf, EPOCH, ended, failure, session } from './samples.ts';

const other = { ...session, sessionId: '22222222-2222-4222-8222-222222222222' };
const lost = (rules: readonly string[], of = session): AuditEvent => ({ ...failure, ...of, rules });
const over: AuditEvent = { ...ended, ...session };
const resumed: AuditEvent = {
  type: 'recording.resumed',
  ...session,
  recorder: 'r:80',
  gap: { fromMs: 0, toMs: 1, bytes: 0 },
};
const idle: AuditEvent = { type: 'proxy.started', version: '1', cluster: 'c' };

/** Records stand a second apart. */
function spent(events: readonly AuditEvent[], fromMs = EPOCH, tail = ''): Record<string, number> {
  const file = join(mkdtempSync(join(tmpdir(), 'kubewitness-unrecorded-')), 'audit.jsonl');
  writeFileSync(file, `${chainOf(events).join('\n')}\n${tail}`);
  return Object.fromEntries(unrecordedTime(file, fromMs));
}

describe('the unrecorded time that an audit tells', () => {
  test.each<[string, readonly AuditEvent[], Record<string, number>]>([
    ['nothing', [idle], {}],
    ['to the end of the session, for each rule', [lost(['a', 'b']), idle, over], { a: 2000, b: 2000 }],
    ['to the return of a recorder, and again', [lost(['a']), resumed, idle, lost(['a']), over], { a: 2000 }],
    ['not of what was handed over', [{ ...failure, action: 'handedOver' }, idle, over], {}],
    ['not of what was refused', [{ ...failure, action: 'denied' }, idle, over], {}],
    [
      'of two at once, twice',
      [lost(['a']), lost(['a'], other), idle, { ...over, ...other }, over],
      { a: 6000 },
    ],
    ['of a crash, to the last word before it', [lost(['a']), idle, idle], { a: 2000 }],
    [
      'of a crash that the next start has told of',
      [
        lost(['a']),
        lost(['a'], other),
        idle,
        { ...over, outcome: 'interrupted' },
        { ...over, ...other, outcome: 'interrupted' },
        idle,
      ],
      { a: 3000 },
    ],
  ])('%s', (_name, events, expected) => {
    expect(spent(events)).toEqual(expected);
  });

  test('only what lies in the day counts', () => {
    const events = [lost(['a']), idle, idle, over];
    const [first = ''] = chainOf(events);
    const begins = Date.parse(String(JSON.parse(first).time));
    expect(spent(events, begins + 1_500)).toEqual({ a: 1_500 });
    expect(spent(events, begins + 10_000)).toEqual({ a: 0 });
  });

  test('a torn line at the end says nothing', () => {
    const events = [lost(['a']), idle];
    const torn = (chainOf([...events, idle])[2] ?? '').slice(0, 150);
    expect(spent(events, EPOCH, torn)).toEqual({ a: 1000 });
  });
});
