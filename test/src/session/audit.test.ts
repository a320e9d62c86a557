import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { silentLogger } from '../../../src/log.ts';
import type { SessionEnd } from '../../../src/session/audit.ts';
import { auditSubject, SessionAudit } from '../../../src/session/audit.ts';
import type { SessionRequest } from '../../../src/session/request.ts';

const REQUEST: SessionRequest = {
  type: 'exec',
  method: 'GET',
  path: '/api/v1/namespaces/default/pods/shell/exec',
  namespace: 'default',
  pod: 'shell',
  exec: {
    command: ['ls'],
    container: 'main',
    streams: { stdin: false, stdout: true, stderr: true, tty: false },
    others: [],
  },
  upgrade: { transport: 'spdy', offered: ['v4.channel.k8s.io'] },
  rawHeaders: [],
  remoteAddress: '192.0.2.7',
  userAgent: 'kubectl',
  caller: { user: 'ann', uid: 'u-1', groups: ['dev'], source: 'static', rules: [] },
};

const TALLY = { bytes: 0, sha256: '0'.repeat(64) };
const END: SessionEnd = {
  output: { outcome: 'recorded' },
  recorder: 'r:80',
  subprotocol: 'v4.channel.k8s.io',
  exitCode: 0,
  durationMs: 10,
  streams: { stdout: TALLY, stderr: TALLY },
  gaps: [],
};

function auditing() {
  const events: AuditEvent[] = [];
  let at = 0;
  const audit = new SessionAudit('s-1', REQUEST, {
    audit: { write: event => events.push(event), close: () => {} },
    log: silentLogger,
    clock: { now: () => 0, monotonic: () => at },
  });
  return { audit, events, pass: (ms: number) => (at += ms) };
}

const FAILURE = {
  phase: 'stream',
  kind: 'reset',
  message: 'lost',
  failMode: 'open',
  action: 'continuedUnrecorded',
} as const;

describe('the audit of a session', () => {
  test('a failure says in which state it happened, after which, how long in it, and by which rules', () => {
    const { audit, events, pass } = auditing();
    audit.decided({ kind: 'record', failMode: 'open', recorders: ['r:80'], origins: ['grants[3]'] });
    pass(5);
    audit.entered('connectingRecorders', 'decide.done');
    pass(20);
    audit.entered('joined.streaming.recording', 'connectRecorders.done');
    pass(100);
    // What lies inside joined.streaming is no state of the contract.
    audit.entered('joined.streaming.handingOver', 'recorder.failed');
    pass(7);
    audit.recordingFailed(FAILURE);
    audit.entered('joined.failingOpen', 'handOver.done');
    expect(events.slice(1)).toMatchObject([
      { type: 'session.streaming', state: 'joined.streaming', previousState: 'connectingRecorders' },
      {
        type: 'recording.failed',
        state: 'joined.streaming',
        previousState: 'connectingRecorders',
        timeInStateMs: 107,
        rules: ['grants[3]'],
        attempts: [],
      },
      { type: 'recording.gap', state: 'joined.failingOpen', previousState: 'joined.streaming', fromMs: 132 },
    ]);
  });

  test('it ends once, whoever says so again', () => {
    const { audit, events } = auditing();
    audit.ended(END);
    audit.ended({ ...END, output: { outcome: 'aborted' } });
    expect(events.map(({ type }) => type)).toEqual(['recording.completed', 'session.ended']);
  });

  test('what is missing is added up, and no recording is called complete', () => {
    const { audit, events, pass } = auditing();
    pass(30);
    audit.entered('failingClosed', 'session.stopped');
    pass(5);
    audit.entered('ending', 'refuse.done');
    audit.entered('closed', 'finish.done');
    audit.ended({
      ...END,
      output: { outcome: 'unrecorded', cause: { code: 'KW_RECORDER_LOST', message: 'lost' } },
      gaps: [
        { fromMs: 0, toMs: 10, bytes: 3 },
        { fromMs: 20, toMs: 25, bytes: 4 },
      ],
    });
    expect(events).toMatchObject([
      {
        type: 'session.ended',
        outcome: 'unrecorded',
        unrecordedMs: 15,
        unrecordedBytes: 7,
        state: 'ending',
        steps: [
          { state: 'failingClosed', event: 'session.stopped', atMs: 30 },
          { state: 'ending', event: 'refuse.done', atMs: 35 },
        ],
      },
    ]);
  });

  test('the device, with its tags', () => {
    const device = { node: 'ci.tail0.ts.net', nodeId: 'n1', tags: ['tag:ci'] };
    const subject = auditSubject({ ...REQUEST.caller, device }, '::1', 'k');
    expect(subject).toMatchObject({ device: 'ci.tail0.ts.net', tags: ['tag:ci'] });
  });

  test('every record says who, from where, and at what', () => {
    const { audit, events } = auditing();
    audit.started();
    audit.attempted({
      recorder: 'r:80',
      startedAt: '2026-01-01T00:00:00.000Z',
      durationMs: 3,
      failure: { kind: 'refused', message: 'no' },
    });
    for (const event of events) {
      expect(event).toMatchObject({
        sessionId: 's-1',
        subject: { user: 'ann', uid: 'u-1', groups: ['dev'], address: '192.0.2.7', userAgent: 'kubectl' },
        target: { namespace: 'default', pod: 'shell', container: 'main' },
      });
    }
    expect(events[1]).toMatchObject({ type: 'recorder.attempted', accepted: false, kind: 'refused' });
  });
});
