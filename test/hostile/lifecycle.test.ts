import { expect, test } from 'vitest';
import type { AuditEvent } from '../../src/audit/record.ts';
import { startRecorder } from './recorder.ts';
import { POLICIES, startRig } from './rig.ts';
import { castOf, openSession, refusal, row } from './session.ts';
import { CATQ, SUCCESS, TTYQ, upgradeRequest } from './speech.ts';

const TYPES: readonly AuditEvent['type'][] = ['session.started', 'session.decided', 'session.ended'];

for (const broken of TYPES) {
  row(`B094 an audit that throws at ${broken} loses that record and nothing else`, async setting => {
    let threw = 0;
    const rig = await startRig({
      onAudit: event => {
        if (event.type !== broken || threw++ > 0) return;
        throw new Error('disk on fire');
      },
    });
    const first = await openSession(rig, setting);
    const second = await openSession(rig, setting);
    for (const { client, upstream, say } of [first, second]) {
      const end = Buffer.concat([say.output('x'), say.status(SUCCESS), say.farewell]);
      upstream.send(end);
      upstream.fin();
      expect(await client.takes(end)).toBe(true);
    }
    await rig.until(() => rig.sessions.liveCount === 0);
    await rig.sessions.drain(0);
    expect(threw).toBe(2);
    expect(rig.sessions.list().map(({ outcome }) => outcome)).toEqual(['recorded', 'recorded']);
    expect(rig.log.filter(line => line.includes('disk on fire'))).toHaveLength(1);
    expect(rig.audit.filter(({ type }) => type === broken)).toHaveLength(1);
  });
}

row('B094 a watcher that throws at every step watches alone', async setting => {
  const rig = await startRig();
  rig.sessions.on('changed', () => {
    throw new Error('watcher on fire');
  });
  const { client, upstream, say } = await openSession(rig, setting);
  const end = Buffer.concat([say.output('x'), say.status(SUCCESS), say.farewell]);
  upstream.send(end);
  upstream.fin();
  expect(await client.takes(end)).toBe(true);
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
  expect(rig.log.some(line => line.includes('watcher on fire'))).toBe(true);
});

row('B095 a recorder that accepts too late is let go, and changes nothing', async setting => {
  let accept = (): void => {};
  const go = new Promise<void>(resolve => {
    accept = resolve;
  });
  const slow = await startRecorder({ accept: () => go });
  const rig = await startRig({
    recorders: [slow.address],
    sessionLimits: { connectMs: 50, retryMs: 60_000 },
  });
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy }));
  const reached = setting.policy === 'closed' ? 'failingClosed' : 'joined.failingOpen';
  await rig.state(reached);
  accept();
  if (setting.policy === 'closed') {
    expect(await refusal(client)).toMatchObject({ code: 403 });
  } else {
    await (await rig.upstream.next()).head();
    client.rst();
  }
  const { outcome } = await rig.ended();
  expect(outcome).toBe(setting.policy === 'closed' ? 'refused' : 'aborted');
  for (const upload of slow.uploads) expect(await upload.over()).toBe('cut');
  expect(rig.audit.filter(({ type }) => type === 'session.ended')).toHaveLength(1);
});

row('B095 what a client still sends while it is told why changes nothing', async setting => {
  const rig = await startRig();
  const { client, say } = await openSession(rig, setting, { target: TTYQ });
  client.send(say.violation, say.resize('{"Width":80,"Height":24}'), say.violation);
  await client.until('Failure');
  client.send(say.resize('{"Width":80,"Height":24}'), say.violation);
  await client.left;
  expect(await rig.ended()).toMatchObject({ outcome: 'terminated' });
  expect(rig.audit.filter(({ type }) => type === 'caller.violated')).toHaveLength(1);
});

test.each(POLICIES)(
  'B097 a drain ends what is live by its own rules, and takes nothing new (%s)',
  async policy => {
    const rig = await startRig();
    const live = [
      await openSession(rig, { policy, transport: 'websocket' }, { target: CATQ }),
      await openSession(rig, { policy, transport: 'spdy' }, { target: CATQ }),
    ];
    const watcher = await rig.client();
    watcher.send(
      `GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: proxy.test\r\nAuthorization: Bearer ${policy}\r\n\r\n`,
    );
    const watched = await rig.upstream.next();
    await watched.head();
    watched.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    await watcher.head();
    const joining = await rig.client();
    joining.send(upgradeRequest('websocket', { token: policy }));
    await (await rig.upstream.next()).head();
    const late = await rig.client();

    const drained = rig.sessions.drain(20);
    // The second signal comes while the first is still at work.
    const again = rig.sessions.drain(0);
    late.send(upgradeRequest('websocket', { token: policy }));
    expect(await refusal(late)).toMatchObject({ code: 503, status: { kind: 'Status' } });
    for (const { client } of live) expect(await client.rest()).toContain('"status":"Failure"');
    expect(await refusal(joining)).toMatchObject({ code: 503 });
    await Promise.all([drained, again]);
    expect(rig.audit.filter(({ type }) => type === 'session.ended')).toMatchObject(
      Array.from({ length: 3 }, () => ({ outcome: 'stopped', cause: { code: 'KW_STOPPING' } })),
    );
    const states = await Promise.all(rig.recorder.uploads.map(upload => upload.over()));
    expect(states.toSorted()).toEqual(['cut', 'ended', 'ended']);
    expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
    await rig.server.close(20);
    await watcher.left;
    await watched.left;
  },
);

row('B101 whatever breaks at once, a session ends once', async setting => {
  const rig = await startRig({ sessionLimits: { handoverMs: 50, staggerMs: 1 } });
  // 1,000 over both policies and both protocols.
  const rounds = 250;
  for (let round = 1; round <= rounds; round++) {
    const { client, upstream } = await openSession(rig, setting);
    const upload = rig.recorder.uploads.at(-1);
    const breaks = [() => client.rst(), () => upstream.fin(), () => upload?.stream.session?.destroy()];
    // Each of the three comes first in turn; all in one breath, and up to 5 ms apart.
    for (let step = 0; step < 3; step++) {
      setTimeout(() => breaks[(round + step) % 3]?.(), (round * step) % 6);
    }
    await rig.ended(round);
  }
  await rig.sessions.drain(0);
  const counts = new Map<string, string[]>();
  for (const event of rig.audit) {
    if (!('sessionId' in event) || event.sessionId === undefined) continue;
    counts.set(event.sessionId, [...(counts.get(event.sessionId) ?? []), event.type]);
  }
  expect(counts.size).toBe(rounds);
  for (const types of counts.values()) {
    expect(types.filter(type => type === 'session.started')).toHaveLength(1);
    expect(types.filter(type => type === 'session.ended')).toHaveLength(1);
    expect(types.filter(type => type === 'recording.failed').length).toBeLessThanOrEqual(1);
    expect(types[0]).toBe('session.started');
    expect(types.at(-1)).toBe('session.ended');
  }
});

row('B103 a wall clock that steps moves no time of a recording', async setting => {
  const start = Date.UTC(2026, 0, 1);
  let wall = start;
  let hours = 0;
  const clock = { now: () => wall, monotonic: () => performance.now() + hours * 3_600_000 };
  const rig = await startRig({ env: { clock } });
  const { client, upstream, say } = await openSession(rig, setting);
  const write = async (bytes: Buffer): Promise<void> => {
    upstream.send(bytes);
    expect(await client.takes(bytes)).toBe(true);
  };
  await write(say.output('one'));
  wall -= 3_600_000;
  await write(say.output('two'));
  wall += 86_400_000;
  hours = 26;
  await write(Buffer.concat([say.output('three'), say.errors('four')]));
  upstream.send(say.status(SUCCESS), say.farewell);
  upstream.fin();
  const ended = await rig.ended();
  expect(ended.durationMs).toBeGreaterThanOrEqual(26 * 3_600_000);
  const { header, events } = castOf(rig.recorder.cast);
  expect(header['timestamp']).toBe(start / 1000);
  const times = events.map(([seconds]) => seconds);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times.every(seconds => Number.isFinite(seconds) && seconds >= 0)).toBe(true);
  expect(times.at(-1)).toBeGreaterThanOrEqual(26 * 3_600);
});
