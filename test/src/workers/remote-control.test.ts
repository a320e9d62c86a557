import { expect, test } from 'vitest';
import { silentLogger } from '../../../src/log.ts';
import { LiveCast, LiveCastRoom } from '../../../src/recording/live-cast.ts';
import { MAX_PENDING } from '../../../src/workers/channel.ts';
import type { Order } from '../../../src/workers/remote-control.ts';
import { RemoteControl } from '../../../src/workers/remote-control.ts';
import { refused } from '../audit/samples.ts';
import { session } from '../live/sessions.ts';
import { FakeTime } from '../recording/fake-time.ts';
import { FakePeer } from './fakes.ts';

const A = '11111111-1111-4111-8111-111111111111';
const HEADER = Buffer.from('{"version":2,"width":80,"height":24}\n');

function worker() {
  const time = new FakeTime();
  const peer = new FakePeer();
  const orders: Order[] = [];
  const casts = new Map<string, LiveCast>();
  const control = new RemoteControl({
    peer,
    start: {
      kind: 'start',
      file: 'proxy.yaml',
      text: '',
      files: {},
      certificate: { cert: '', key: '' },
      port: 1,
      upstream: 'api:443',
      worker: 1,
      workers: 2,
      mayStart: true,
      ailing: ['down:80'],
      standings: [{ rule: 'grants[0]', spentMs: 8_000, open: 1 }],
    },
    limits: { sessions: 1, sessionsPerCaller: 1, requests: 2, longRunning: 2 },
    onFailure: 'refuseSessions',
    clock: time,
    timers: time,
    log: silentLogger,
    liveCast: id => casts.get(id),
    ordered: order => void orders.push(order),
  });
  return { time, peer, orders, casts, control };
}

test('audited: only once the primary has said so, and not when it says nothing', async () => {
  const { control, peer, time } = worker();
  control.audit.write(refused);
  const kept = control.audit.audited();
  expect(peer.toPrimary()).toEqual([
    { kind: 'audit', event: refused },
    { kind: 'flush', ask: 1 },
  ]);
  let answered = false;
  void kept.then(() => {
    answered = true;
  });
  await Promise.resolve();
  expect(answered).toBe(false);
  control.hear({ kind: 'flushed', ask: 1, mayStart: false });
  expect(await kept).toBe(true);
  expect(control.audit.mayStartSession()).toBe(false);
  control.hear({ kind: 'sink', mayStart: true });
  expect(control.audit.mayStartSession()).toBe(true);

  const silent = control.audit.audited();
  time.pass(10_000);
  expect(await silent).toBe(false);
  control.hear({ kind: 'flushed', ask: 2, mayStart: true });
});

test('a primary that does not listen: nothing begins, records past the bound are counted, views are the last ones', () => {
  const { control, peer } = worker();
  peer.flows = false;
  for (let at = 0; at < MAX_PENDING + 3; at++) control.audit.write(refused);
  expect(control.audit.mayStartSession()).toBe(false);
  control.views.tell(session(A, { state: 'deciding' }));
  control.views.tell(session(A, { state: 'ending' }));
  expect(peer.toPrimary()).toHaveLength(MAX_PENDING);
  peer.arrive();
  expect(peer.toPrimary()).toMatchObject([
    { kind: 'lost', count: 3 },
    { kind: 'view', view: { state: 'ending' } },
  ]);
  expect(control.audit.mayStartSession()).toBe(true);
});

test('a session begins once the primary admits it, and is taken back', async () => {
  const { control, peer } = worker();
  const admitted = control.admitSession(A, 'ann');
  control.hear({ kind: 'admitted', ask: 1 });
  (await admitted)();
  const full = control.admitSession(A, 'ann');
  control.hear({ kind: 'admitted', ask: 2, refusal: 'enough' });
  await expect(full).rejects.toMatchObject({ code: 'KW_OVERLOADED', message: 'enough' });
  expect(peer.toPrimary().map(({ kind }) => kind)).toEqual(['admit', 'leave', 'admit']);
});

test('budgets are judged by what was last told, reckoned on', () => {
  const { control, peer, time } = worker();
  const budgets = [{ rule: 'grants[0]', secondsPerDay: 10 }];
  expect(control.failOpen.spent(budgets)).toBeUndefined();
  time.pass(2_000);
  expect(control.failOpen.spent(budgets)).toMatchObject({ limit: 'secondsPerDay', used: 10 });
  control.hear({ kind: 'standings', standings: [{ rule: 'grants[0]', spentMs: 0, open: 0 }] });
  expect(control.failOpen.spent(budgets)).toBeUndefined();

  const told: unknown[] = [];
  const close = control.failOpen.open(budgets, spent => void told.push(spent));
  const spent = { rule: 'grants[0]', limit: 'concurrent', allowed: 1, used: 1 } as const;
  control.hear({ kind: 'spent', entry: 1, spent });
  expect(told).toEqual([spent]);
  close();
  close();
  control.hear({ kind: 'spent', entry: 1, spent });
  expect(told).toHaveLength(1);
  expect(peer.toPrimary().map(({ kind }) => kind)).toEqual(['unrecorded', 'unrecordedOver']);
  control.failOpen.open([], () => {})();
  expect(peer.said).toEqual([]);
});

test('recorders that fail are last here at once, and elsewhere by the primary', () => {
  const { control, peer } = worker();
  expect(control.health.order(['down:80', 'a:80', 'b:80'])).toEqual(['a:80', 'b:80', 'down:80']);
  control.health.failed('a:80');
  control.health.failed('a:80');
  control.health.accepted('b:80');
  expect(control.health.order(['a:80', 'b:80'])).toEqual(['b:80', 'a:80']);
  control.hear({ kind: 'ailing', recorders: ['b:80'] });
  expect(control.health.order(['b:80', 'a:80'])).toEqual(['a:80', 'b:80']);
  expect(peer.toPrimary()).toEqual([{ kind: 'recorder', recorder: 'a:80', well: false }]);
});

test('a cast is sent while somebody watches: the past, each line, the end', async () => {
  const { control, peer, casts } = worker();
  const cast = new LiveCast(new LiveCastRoom());
  casts.set(A, cast);
  cast.header(HEADER);
  cast.event(Buffer.from('[0.1,"o","a"]\n'));
  expect(peer.said).toEqual([]);
  control.hear({ kind: 'watch', sessionId: A });
  cast.event(Buffer.from('[0.2,"o","b"]\n'));
  await new Promise(setImmediate);
  expect(peer.toPrimary()).toEqual([
    { kind: 'castLines', sessionId: A, lines: [String(HEADER), '[0.1,"o","a"]\n', '[0.2,"o","b"]\n'] },
  ]);
  cast.end();
  expect(peer.toPrimary()).toEqual([{ kind: 'castOver', sessionId: A, how: 'ended' }]);
  control.hear({ kind: 'watch', sessionId: '22222222-2222-4222-8222-222222222222' });
  expect(peer.toPrimary()).toMatchObject([{ kind: 'castOver', how: 'ended' }]);
});

test('a cast that the primary does not keep up with is cut, and holds no more than its bound', async () => {
  const { control, peer, casts } = worker();
  const cast = new LiveCast(new LiveCastRoom());
  casts.set(A, cast);
  cast.header(HEADER);
  control.hear({ kind: 'watch', sessionId: A });
  await new Promise(setImmediate);
  peer.flows = false;
  control.audit.write(refused);
  peer.said.length = 0;
  const line = Buffer.from(`[0.1,"o","${'x'.repeat(64 * 1024)}"]\n`);
  for (let at = 0; at < 32; at++) cast.event(line);
  expect(peer.toPrimary()).toEqual([{ kind: 'castOver', sessionId: A, how: 'cut' }]);
  expect(cast.listenerCount('line')).toBe(0);
});

test('the rest is for the serving part', () => {
  const { control, orders } = worker();
  control.hear({ kind: 'stop', sessionId: A, cause: { code: 'KW_STOPPED', message: 'x' } });
  control.hear({ kind: 'close' });
  expect(orders.map(({ kind }) => kind)).toEqual(['stop', 'close']);
});

test('requests are told together, and the last of them before the end', () => {
  const { control, peer, time } = worker();
  const request = { kind: 'request', verb: 'get', code: 200, seconds: 0.01 } as const;
  for (let at = 0; at < 3; at++) {
    control.signals.tell({ kind: 'proxied' });
    control.signals.tell(request);
  }
  expect(peer.said).toEqual([]);
  time.pass(100);
  const { kind: _kind, ...measured } = request;
  expect(peer.toPrimary()).toEqual([
    { kind: 'counted', proxied: 3, eventRecording: 0, requests: [measured, measured, measured] },
  ]);
  control.signals.tell({ kind: 'eventRecording' });
  control.signals.drained();
  expect(peer.toPrimary()).toMatchObject([{ kind: 'counted', eventRecording: 1 }]);
});
