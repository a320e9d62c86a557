import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChainEnd } from '../../../src/audit/chain.ts';
import { NO_HASH, nextLine, readLine } from '../../../src/audit/chain.ts';
import type { AuditEvent, AuditRecord } from '../../../src/audit/record.ts';
import { rotatedSegments } from '../../../src/audit/segments.ts';

/** 2026-01-01T00:00:00Z. */
export const EPOCH = 1_767_225_600_000;

export const subject = {
  user: 'ann',
  uid: 'u-1',
  groups: ['dev', 'ops'],
  source: 'static',
  address: '192.0.2.7',
  userAgent: 'kubectl/v1.36',
};
const target = { namespace: 'default', pod: 'shell', container: 'main' };
export const session = { sessionId: '11111111-1111-4111-8111-111111111111', subject, target };
const stay = { state: 'joined.streaming', previousState: 'connectingRecorders', timeInStateMs: 12 };
const streams = {
  stdout: { bytes: 3, sha256: '1'.repeat(64) },
  stderr: { bytes: 0, sha256: '2'.repeat(64) },
};

export const refused: Extract<AuditEvent, { type: 'request.refused' }> = {
  type: 'request.refused',
  method: 'GET',
  path: '/x',
  code: 'KW_FORBIDDEN',
  message: 'no',
};

export const started: Extract<AuditEvent, { type: 'session.started' }> = {
  type: 'session.started',
  ...session,
  sessionType: 'exec',
  command: ['sh', '-c', 'echo hello'],
  tty: true,
  transport: 'websocket',
};

export const failure: Extract<AuditEvent, { type: 'recording.failed' }> = {
  type: 'recording.failed',
  ...session,
  ...stay,
  phase: 'stream',
  kind: 'reset',
  recorder: '192.0.2.9:80',
  message: 'recorder 192.0.2.9:80: reset',
  failMode: 'open',
  rules: ['grants[0]'],
  action: 'continuedUnrecorded',
  attempts: [
    {
      recorder: '192.0.2.8:80',
      startedAt: '2026-01-01T00:00:00.000Z',
      kind: 'refused',
      message: 'no',
      durationMs: 4,
    },
  ],
  lastAcked: { offset: 100, time: '2026-01-01T00:00:00.000Z' },
};

export const ended: Extract<AuditEvent, { type: 'session.ended' }> = {
  type: 'session.ended',
  ...session,
  outcome: 'unrecorded',
  cause: { code: 'KW_RECORDER_LOST', message: 'lost' },
  state: 'ending',
  recorder: '192.0.2.9:80',
  subprotocol: 'v5.channel.k8s.io',
  exitCode: 0,
  durationMs: 1500,
  streams,
  gaps: [{ fromMs: 500, toMs: 1500, bytes: 3 }],
  unrecordedMs: 1000,
  unrecordedBytes: 3,
};

/** One of each type. */
export const SAMPLES: readonly AuditEvent[] = [
  { type: 'proxy.started', version: '1.0.0', cluster: 'lab' },
  started,
  { type: 'session.decided', ...session, decision: 'record', failMode: 'closed', rules: ['grants[0]'] },
  {
    type: 'recorder.attempted',
    ...session,
    recorder: '192.0.2.9:80',
    protocol: 'v2',
    startedAt: '2026-01-01T00:00:00.000Z',
    accepted: true,
    durationMs: 7,
  },
  { type: 'session.streaming', ...session, ...stay, recorder: '192.0.2.9:80' },
  failure,
  { type: 'recording.gap', ...session, ...stay, state: 'joined.failingOpen', fromMs: 500 },
  {
    type: 'recording.resumed',
    ...session,
    recorder: '192.0.2.9:80',
    gap: { fromMs: 500, toMs: 900, bytes: 3 },
  },
  {
    type: 'recording.completed',
    ...session,
    streams,
    recording: { id: 'r1', uri: 's3://b/r1', bytes: 9, complete: true },
  },
  { type: 'caller.violated', ...session, code: 'WS_RSV', message: 'reserved bits' },
  ended,
  { ...refused, subject },
  {
    type: 'request.unrecordable',
    tunnelId: 't-1',
    subject,
    method: 'POST',
    path: '/api/v1/namespaces/default/pods/shell/portforward',
    class: 'tunnel',
    rule: 'grants[0]',
  },
  {
    type: 'tunnel.ended',
    tunnelId: 't-1',
    subject,
    path: '/api/v1/namespaces/default/pods/shell/portforward',
    class: 'tunnel',
    ports: ['80'],
    bytesToClient: 1,
    bytesToUpstream: 2,
    cause: 'clientEnded',
  },
  { type: 'recording.viewed', subject, recording: { id: 'r1' }, sessionId: session.sessionId, how: 'play' },
  { type: 'session.stopped', subject, sessionId: session.sessionId, reason: 'wrong cluster' },
  {
    type: 'config.changed',
    trigger: 'files',
    applied: false,
    outcome: 'refused',
    sha256Before: 'a'.repeat(64),
    sha256: 'b'.repeat(64),
    sections: [],
    files: [],
    problems: ['c.yaml:1: grants: is missing'],
  },
  { type: 'proxy.stopped', reason: 'SIGTERM' },
];

/** Lines of one chain, a second apart. */
export function chainOf(events: readonly AuditEvent[], replica = 'test-00000001'): string[] {
  let end: ChainEnd = { replica, seq: 0, hash: NO_HASH, id: '' };
  return events.map((event, at) => {
    const id = String(at).padStart(26, '0');
    const next = nextLine(end, { id, time: new Date(EPOCH + at * 1000).toISOString() }, event);
    end = next.end;
    return next.line;
  });
}

export function recordsOf(events: readonly AuditEvent[]): AuditRecord[] {
  return chainOf(events).map(recordOf);
}

export function recordOf(line: string): AuditRecord {
  const read = readLine(line);
  if (read === undefined) throw new Error(`no record: ${line}`);
  return read.record;
}

export function scratch(): string {
  return join(mkdtempSync(join(tmpdir(), 'kubewitness-audit-')), 'deep', 'audit.jsonl');
}

/** Lines of all files of an audit, oldest first. */
export function linesOf(file: string): string[] {
  return [...rotatedSegments(file), file].flatMap(part =>
    readFileSync(part, 'utf8')
      .split('\n')
      .filter(line => line !== ''),
  );
}
