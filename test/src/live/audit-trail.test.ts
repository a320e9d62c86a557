import { afterEach, describe, expect, test } from 'vitest';
import { openJsonlReader } from '../../../src/audit/jsonl-reader.ts';
import { openJsonlSink } from '../../../src/audit/jsonl-sink.ts';
import type { AuditReader } from '../../../src/audit/reader.ts';
import type { AuditEvent, AuditRecord } from '../../../src/audit/record.ts';
import { systemClock } from '../../../src/clock.ts';
import { AuditTrail } from '../../../src/live/audit-trail.ts';
import { createLogger } from '../../../src/log.ts';
import type { SessionView } from '../../../src/session/view.ts';
import { until } from '../../support/try-cluster.ts';
import {
  chainOf,
  EPOCH,
  ended,
  failure,
  recordOf,
  SAMPLES,
  scratch,
  session,
  started,
} from '../audit/samples.ts';

const id = session.sessionId;
const decided: AuditEvent = {
  type: 'session.decided',
  ...session,
  decision: 'record',
  failMode: 'open',
  rules: [],
};
const trails: AuditTrail[] = [];

afterEach(async () => {
  for (const trail of trails.splice(0)) await trail.close();
});

function trailOf(open: () => Promise<AuditReader>, ownReplica?: string, nowMs = EPOCH + 60_000): AuditTrail {
  const trail = new AuditTrail({
    open,
    ownReplica,
    clock: { now: () => nowMs, monotonic: () => 0 },
    log: createLogger('silent'),
    keepEnded: 2,
    keepEndedMs: 600_000,
  });
  trails.push(trail);
  return trail;
}

/** An audit that does not grow. */
function still(lines: readonly string[]): () => Promise<AuditReader> {
  return async () => ({
    async *records() {
      for (const line of lines) yield { record: recordOf(line), line };
    },
    async *follow(signal) {
      await new Promise(resolve => signal.addEventListener('abort', resolve));
    },
    async *lines() {},
    close: async () => {},
  });
}

function asOther(events: readonly AuditEvent[], replica = 'two-00000002'): AuditRecord[] {
  return chainOf(events, replica).map(recordOf);
}

describe('what was not recorded', () => {
  test('is told with its phase, kind, recorder, session and command', async () => {
    const trail = trailOf(still(chainOf(SAMPLES)));
    expect(await trail.unrecorded()).toMatchObject([
      {
        sessionId: id,
        user: 'ann',
        command: ['sh', '-c', 'echo hello'],
        phase: 'stream',
        kind: 'reset',
        recorder: '192.0.2.9:80',
        action: 'continuedUnrecorded',
        recovered: false,
      },
    ]);
  });

  test.each<[string, readonly AuditEvent[], object]>([
    [
      'passed by rule',
      [started, { ...decided, decision: 'pass' }],
      { phase: 'policy', kind: 'notAsked', recovered: false },
    ],
    [
      'was handed over',
      [started, decided, { ...failure, action: 'handedOver' }],
      { phase: 'stream', recovered: true },
    ],
    [
      'was interrupted',
      [started, decided, { ...ended, outcome: 'interrupted' }],
      { phase: 'process', kind: 'gone', recovered: false },
    ],
    [
      'was never confirmed',
      [started, decided, ended],
      { phase: 'finalise', kind: 'KW_RECORDER_LOST', recovered: false },
    ],
  ])('a session that %s', async (_name, events, told) => {
    expect(await trailOf(still(chainOf(events))).unrecorded()).toMatchObject([told]);
  });

  test('is none of a session that was recorded, and no longer what is older than a week', async () => {
    const recorded = chainOf([started, decided, { ...ended, outcome: 'recorded' }]);
    expect(await trailOf(still(recorded)).unrecorded()).toEqual([]);
    const week = 7 * 24 * 3_600_000;
    const late = trailOf(still(chainOf(SAMPLES)), undefined, EPOCH + week + 60_000);
    expect(await late.unrecorded()).toEqual([]);
  });

  test('a record that is read twice counts once, also after the end', async () => {
    const trail = trailOf(still([]), 'one');
    const records = asOther([started, decided, failure, ended]);
    for (const record of [...records, ...records]) trail.see(record);
    await trail.start();
    expect((await trail.unrecorded()).map(({ phase }) => phase)).toEqual(['stream']);
    expect(trail.others()).toHaveLength(1);
  });
});

describe('a session in the audit', () => {
  test('is told as its view and its records', async () => {
    const found = await trailOf(still(chainOf(SAMPLES))).history(id);
    expect(found?.view).toMatchObject({
      id,
      state: 'closed',
      outcome: 'unrecorded',
      exitCode: 0,
      failMode: 'closed',
      recorder: '192.0.2.9:80',
    });
    expect(found?.view.transitions.map(({ state }) => state)).toEqual([
      'deciding',
      'connectingRecorders',
      'joined.streaming',
      'joined.failingOpen',
      'failingClosed',
      'closed',
    ]);
    expect(found?.records[0]?.type).toBe('proxy.started');
  });

  test('has its way to the end too, with what led there and when', async () => {
    const steps = [
      { state: 'failingClosed', event: 'session.stopped', atMs: 40 },
      { state: 'ending', event: 'refuse.done', atMs: 45 },
    ];
    const found = await trailOf(still(chainOf([started, decided, { ...ended, steps }]))).history(id);
    const { transitions = [], startedAt = '' } = found?.view ?? {};
    expect(transitions.map(({ state, event }) => `${state} by ${event}`)).toEqual([
      'deciding by session.requested',
      'connectingRecorders by decide.done',
      'failingClosed by session.stopped',
      'ending by refuse.done',
      'closed by finish.done',
    ]);
    expect(Date.parse(transitions[3]?.at ?? '') - Date.parse(startedAt)).toBe(45);
  });

  test('is none when the audit has none of it', async () => {
    expect(await trailOf(still([])).history(id)).toBeUndefined();
  });
});

describe('sessions of other replicas', () => {
  test('are told of as they go on; own ones are not', () => {
    const trail = trailOf(still([]), 'one-00000001');
    const told: SessionView[] = [];
    trail.on('changed', view => told.push(view));
    for (const record of chainOf([started, decided], 'one-00000001').map(recordOf)) trail.see(record);
    expect([told, trail.others()]).toEqual([[], []]);
    const foreign = { ...session, sessionId: id.replace('1', '2') };
    for (const record of asOther([
      { ...started, ...foreign },
      { ...decided, ...foreign },
    ]))
      trail.see(record);
    expect(told.map(({ state, replica }) => [state, replica])).toEqual([
      ['deciding', 'two-00000002'],
      ['connectingRecorders', 'two-00000002'],
    ]);
    expect(trail.other(foreign.sessionId)?.state).toBe('connectingRecorders');
  });

  test('ended ones are kept as many as the own ones, the latest', () => {
    const trail = trailOf(still([]), 'one-00000001');
    const ids = ['a', 'b', 'c'];
    const events = ids.flatMap(sessionId => [
      { ...started, sessionId },
      { ...ended, sessionId },
    ]);
    for (const record of asOther(events)) trail.see(record);
    expect(trail.others().map(view => view.id)).toEqual(['b', 'c']);
  });
});

test('a file is read and then followed', async () => {
  const file = scratch();
  const sink = openJsonlSink({ file, clock: systemClock, failed: () => {} });
  sink.write(started);
  sink.write(decided);
  const trail = trailOf(async () => openJsonlReader(file), undefined, Date.now());
  expect(await trail.unrecorded()).toEqual([]);
  sink.write(failure);
  await until(async () => (await trail.unrecorded()).length === 1);
  sink.close();
});
