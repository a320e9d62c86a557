import { expect, test } from 'vitest';
import type { AuditEvent } from '../../../src/audit/record.ts';
import type { Signal } from '../../../src/metrics/updates.ts';
import { LiveCastRoom } from '../../../src/recording/live-cast.ts';
import { FailOpenLedger } from '../../../src/session/fail-open-ledger.ts';
import { Desk } from '../../../src/workers/desk.ts';
import type { FromPrimary } from '../../../src/workers/protocol.ts';
import { WorkerSessions } from '../../../src/workers/worker-sessions.ts';
import { started } from '../audit/samples.ts';
import { ended, session } from '../live/sessions.ts';
import { FakeTime } from '../recording/fake-time.ts';

const A = '11111111-1111-4111-8111-111111111111';
const B = '22222222-2222-4222-8222-222222222222';
const LIMITS = { sessions: 3, sessionsPerCaller: 2, requests: 10, longRunning: 10 };

function office(settled: Promise<void> = Promise.resolve()) {
  const time = new FakeTime();
  const written: AuditEvent[] = [];
  const said: { worker: number | 'all'; message: FromPrimary }[] = [];
  const recorders: string[] = [];
  const signals: Signal[] = [];
  const say = (worker: number, message: FromPrimary): void => void said.push({ worker, message });
  const sessions = new WorkerSessions({
    clock: time,
    keepEnded: () => ({ atMost: 10, forMs: 1_000 }),
    liveCastRoom: new LiveCastRoom(),
    say,
  });
  const desk = new Desk({
    clock: time,
    audit: { write: event => void written.push(event), close: () => {} },
    mayStartSession: () => true,
    settled: () => settled,
    ledger: new FailOpenLedger({ clock: time, timers: time }),
    health: {
      failed: recorder => void recorders.push(`-${recorder}`),
      accepted: recorder => void recorders.push(`+${recorder}`),
    },
    sessions,
    limits: LIMITS,
    say,
    sayToAll: message => void said.push({ worker: 'all', message }),
    metrics: { tell: signal => void signals.push(signal), lagged: () => {} },
  });
  return { time, written, said, recorders, signals, sessions, desk };
}

function pending(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>(done => {
    resolve = done;
  });
  return { promise, resolve };
}

const startOf = (sessionId: string): AuditEvent => ({ ...started, sessionId });

test('what was said before a flush is on disk before its answer', async () => {
  const { promise, resolve } = pending();
  const { desk, written, said } = office(promise);
  desk.hear(1, { kind: 'audit', event: startOf(A) });
  desk.hear(1, { kind: 'flush', ask: 7 });
  expect(written).toHaveLength(1);
  await Promise.resolve();
  expect(said).toEqual([]);
  resolve();
  await promise;
  expect(said).toEqual([{ worker: 1, message: { kind: 'flushed', ask: 7, mayStart: true } }]);
});

test('a worker that takes the place of a dead one does not get its answers', async () => {
  const { promise, resolve } = pending();
  const { desk, said } = office(promise);
  desk.hear(1, { kind: 'flush', ask: 1 });
  desk.gone(1);
  resolve();
  await promise;
  await Promise.resolve();
  expect(said.filter(({ message }) => message.kind === 'flushed')).toEqual([]);
});

test('the sessions of a dead worker are ended once each, and those of the others are left', () => {
  const { desk, written, sessions } = office();
  for (const [worker, id] of [
    [1, A],
    [2, B],
  ] as const) {
    desk.hear(worker, { kind: 'admit', ask: 1, sessionId: id, user: 'ann' });
    desk.hear(worker, { kind: 'audit', event: startOf(id) });
    desk.hear(worker, { kind: 'view', view: session(id) });
  }
  written.length = 0;
  desk.gone(1);
  desk.gone(1);
  expect(written).toMatchObject([
    { type: 'session.ended', sessionId: A, outcome: 'interrupted', subject: { user: 'ann' } },
  ]);
  expect(sessions.get(A)).toMatchObject({ state: 'closed', outcome: 'interrupted' });
  expect(sessions.get(B)?.endedAt).toBeUndefined();
});

test('a session that has ended needs no other end when its worker dies', () => {
  const { desk, written } = office();
  desk.hear(1, { kind: 'audit', event: startOf(A) });
  const { subject, target } = started;
  desk.hear(1, {
    kind: 'audit',
    event: {
      type: 'session.ended',
      sessionId: A,
      subject,
      target,
      outcome: 'recorded',
      durationMs: 1,
      gaps: [],
      unrecordedMs: 0,
      unrecordedBytes: 0,
    },
  });
  written.length = 0;
  desk.gone(1);
  expect(written).toEqual([]);
});

test('sessions are counted for all workers, until they end, do not begin, or die', () => {
  const { desk, said } = office();
  const ids = Array.from({ length: 9 }, (_, at) => `1111111${at}-1111-4111-8111-111111111111`);
  const admit = (worker: number, at: number, user: string): string | undefined => {
    said.length = 0;
    desk.hear(worker, { kind: 'admit', ask: 1, sessionId: ids[at] ?? '', user });
    const [answer] = said;
    return answer?.message.kind === 'admitted' ? answer.message.refusal : 'no answer';
  };
  expect(admit(1, 0, 'ann')).toBeUndefined();
  expect(admit(2, 1, 'ann')).toBeUndefined();
  expect(admit(1, 2, 'ann')).toContain('2 live sessions of one caller');
  expect(admit(2, 3, 'bob')).toBeUndefined();
  expect(admit(2, 4, 'cid')).toContain('3 live sessions');
  desk.hear(2, { kind: 'leave', sessionId: ids[1] ?? '' });
  expect(admit(1, 5, 'ann')).toBeUndefined();
  desk.gone(1);
  expect(admit(2, 6, 'ann')).toBeUndefined();
  expect(admit(2, 7, 'ann')).toBeUndefined();
});

test('what is asked of a session goes to the worker that has it, and to no other', () => {
  const { desk, said, sessions } = office();
  desk.hear(1, { kind: 'view', view: session(A) });
  desk.hear(2, { kind: 'view', view: session(B) });
  const cause = { code: 'KW_STOPPED', message: 'enough' };
  sessions.stop(B, cause);
  const cast = sessions.liveCast(A);
  expect(said).toEqual([
    { worker: 2, message: { kind: 'stop', sessionId: B, cause } },
    { worker: 1, message: { kind: 'watch', sessionId: A } },
  ]);
  const lines: string[] = [];
  cast?.on('line', line => void lines.push(String(line)));
  const header = '{"version":2,"width":80,"height":24}\n';
  desk.hear(1, { kind: 'castLines', sessionId: A, lines: [header, '[0.1,"o","x"]\n'] });
  expect(lines).toEqual([header, '[0.1,"o","x"]\n']);
  expect(sessions.liveCast(A)).toBe(cast);
  expect(cast?.past().map(String)).toEqual(lines);

  // The last one leaves; the next line is the last that comes.
  cast?.removeAllListeners();
  said.length = 0;
  desk.hear(1, { kind: 'castLines', sessionId: A, lines: ['[0.2,"o","y"]\n'] });
  expect(said).toEqual([{ worker: 1, message: { kind: 'unwatch', sessionId: A } }]);

  desk.hear(2, { kind: 'view', view: ended(B) });
  said.length = 0;
  sessions.stop(B, cause);
  expect(sessions.liveCast(B)).toBeUndefined();
  expect(said).toEqual([]);
});

test('the primary has the last word on a budget, and a dead worker spends no more', () => {
  const { desk, said, time } = office();
  const budgets = [{ rule: 'grants[0]', concurrent: 1, secondsPerDay: 10 }];
  desk.hear(1, { kind: 'unrecorded', entry: 1, budgets });
  desk.hear(2, { kind: 'unrecorded', entry: 1, budgets });
  const spent = (): unknown[] => said.filter(({ message }) => message.kind === 'spent');
  expect(spent()).toMatchObject([{ worker: 2, message: { entry: 1, spent: { limit: 'concurrent' } } }]);
  time.pass(4_000);
  desk.gone(1);
  time.pass(60_000);
  expect(desk.standings()).toEqual([{ rule: 'grants[0]', spentMs: 4_000, open: 0 }]);
  desk.hear(2, { kind: 'unrecorded', entry: 2, budgets });
  time.pass(6_000);
  expect(spent().at(-1)).toMatchObject({
    worker: 2,
    message: { entry: 2, spent: { limit: 'secondsPerDay', allowed: 10, used: 10 } },
  });
});

test('recorders that one worker met are known to the primary; lost records are counted', () => {
  const { desk, recorders } = office();
  desk.hear(1, { kind: 'recorder', recorder: 'rec:80', well: false });
  desk.hear(2, { kind: 'recorder', recorder: 'rec:80', well: true });
  expect(recorders).toEqual(['-rec:80', '+rec:80']);
  desk.hear(1, { kind: 'lost', count: 3 });
  expect(desk.lost).toBe(3);
});

test('requests of a worker are counted one by one; what recorders owe is summed, and gone with its worker', () => {
  const { desk, signals } = office();
  const request = { verb: 'get', code: 200, seconds: 0.01 };
  desk.hear(1, { kind: 'counted', proxied: 2, eventRecording: 1, requests: [request] });
  expect(signals.map(({ kind }) => kind)).toEqual(['proxied', 'proxied', 'eventRecording', 'request']);
  const lag = { '0.5': 0, '0.99': 0, '1': 0 };
  desk.hear(1, { kind: 'pulse', lag, unacked: { bytes: 3, ageSeconds: 1 } });
  desk.hear(2, { kind: 'pulse', lag, unacked: { bytes: 4, ageSeconds: 2 } });
  expect(desk.unacked()).toEqual({ bytes: 7, ageSeconds: 2 });
  desk.gone(2);
  expect(desk.unacked()).toEqual({ bytes: 3, ageSeconds: 1 });
});
