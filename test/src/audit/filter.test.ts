import { describe, expect, test } from 'vitest';
import type { AuditFilter } from '../../../src/audit/filter.ts';
import { recordMatches, sessionMatches } from '../../../src/audit/filter.ts';
import { SessionSummaries } from '../../../src/audit/session-summary.ts';
import { EPOCH, ended, failure, recordsOf, session, started } from './samples.ts';

const decided = {
  type: 'session.decided',
  ...session,
  decision: 'record',
  failMode: 'open',
  rules: [],
} as const;
const RECORDS = recordsOf([started, decided, failure, ended]);
const summaries = new SessionSummaries();
for (const record of RECORDS) summaries.see(record);
const [summary] = summaries.all();

/** Name, what is asked, whether the session matches, how many of its four records do. */
const CASES: readonly (readonly [string, AuditFilter, boolean, number])[] = [
  ['nothing', {}, true, 4],
  ['its user', { user: 'ann' }, true, 4],
  ['who really calls', { user: 'zoe' }, true, 4],
  ['another user', { user: 'an' }, false, 0],
  ['its pod', { namespace: 'default', pod: 'shell' }, true, 4],
  ['another namespace', { namespace: 'prod', pod: 'shell' }, false, 0],
  ['a part of its command', { command: 'echo he' }, true, 4],
  ['another command', { command: 'rm' }, false, 0],
  ['since it began', { since: EPOCH }, true, 4],
  ['since later', { since: EPOCH + 1 }, false, 3],
  ['until it began', { until: EPOCH }, false, 0],
  ['until later', { until: EPOCH + 1 }, true, 1],
  ['its outcome', { outcome: 'unrecorded' }, true, 2],
  ['another outcome', { outcome: 'recorded' }, false, 0],
  ['the phase of its failure', { phase: 'stream' }, true, 1],
  ['phase and kind of its failure', { phase: 'stream', kind: 'reset' }, true, 1],
  ['the kind of an attempt', { kind: 'refused' }, true, 1],
  ['another phase', { phase: 'connect' }, false, 0],
  ['the recorder that failed', { recorder: '192.0.2.9:80' }, true, 2],
  ['a recorder that was tried', { recorder: '192.0.2.8:80' }, true, 1],
  ['another recorder', { recorder: '192.0.2.1:80' }, false, 0],
  ['a phase at another recorder', { phase: 'stream', recorder: '192.0.2.1:80' }, false, 0],
];

describe('audit filters', () => {
  test.each(CASES)('%s', (_name, filter, matches, records) => {
    if (summary === undefined) throw new Error('no session');
    expect(sessionMatches(summary, filter)).toBe(matches);
    expect(RECORDS.filter(record => recordMatches(record, summary, filter))).toHaveLength(records);
  });

  test('a session without an end is live', () => {
    const [first] = recordsOf([started]);
    const live = first === undefined ? undefined : new SessionSummaries().see(first);
    if (live === undefined) throw new Error('no session');
    expect(sessionMatches(live, { outcome: 'live' })).toBe(true);
    expect(sessionMatches(live, { outcome: 'recorded' })).toBe(false);
  });
});
