import { expect } from 'vitest';
import type { AuditEvent } from '../../src/audit/record.ts';
import type { Recorder } from './recorder.ts';
import { startRecorder } from './recorder.ts';
import type { Policy, Rig, RigOptions } from './rig.ts';
import { startRig } from './rig.ts';
import type { LiveSession, Setting } from './session.ts';
import { openSession, outputOf, row } from './session.ts';
import { CATQ, SUCCESS, speech, switching, upgradeRequest } from './speech.ts';

/*
 * The recorder is killed in every state of the session machine, under both policies; each time the audit alone must tell
 * who did what and where, why it is not recorded, how much is missing, and what was done about it.
 */

const LIMITS = { staggerMs: 10, connectMs: 2_000, handoverMs: 500, retryMs: 5 };
const BEFORE = 'before ';
const AFTER = 'and after';

type Failure = Extract<AuditEvent, { type: 'recording.failed' }>;

interface Told {
  readonly failure: object | undefined;
  readonly outcome: string;
  /** Of the output, from here on; undefined: nothing is missing. */
  readonly missing?: { readonly least: number; readonly most: number };
}

function rigWith(options: RigOptions): Promise<Rig> {
  return startRig({ sessionLimits: LIMITS, ...options });
}

/** A recorder that dies as soon as somebody asks it to take a recording. */
async function dyingWhenAsked(): Promise<Recorder> {
  const recorder = await startRecorder({
    accept: () => {
      recorder.die();
      return new Promise(() => {});
    },
  });
  return recorder;
}

function killIn(rig: Rig, state: string, recorder: Recorder = rig.recorder): void {
  rig.sessions.on('changed', view => {
    if (view.state === state) recorder.die();
  });
}

async function finish({ client, upstream, say }: LiveSession): Promise<void> {
  const end = Buffer.concat([say.output(AFTER), say.status(SUCCESS), say.farewell]);
  upstream.send(end);
  upstream.fin();
  await client.take(end.length);
  client.fin();
}

/** The client has seen it, and the recorder that lives has it. */
async function beforeAcked(rig: Rig, { client, upstream, say }: LiveSession): Promise<void> {
  upstream.send(say.output(BEFORE));
  await client.take(say.output(BEFORE).length);
  const upload = await rig.recorder.first();
  await upload.until(({ body }) => body.includes(BEFORE));
}

async function audited(rig: Rig, policy: Policy, { failure, outcome, missing }: Told): Promise<void> {
  const ended = await rig.ended();
  await rig.sessions.drain(0);
  const events = rig.audit.filter(event => 'sessionId' in event);
  const one = <Type extends AuditEvent['type']>(type: Type): Extract<AuditEvent, { type: Type }> => {
    const found = events.filter((event): event is Extract<AuditEvent, { type: Type }> => event.type === type);
    expect(found).toHaveLength(1);
    return found[0] ?? expect.fail();
  };
  const started = one('session.started');
  expect(one('session.ended')).toBe(ended);
  expect([events[0], events.at(-1)]).toEqual([started, ended]);
  // Who, from where, what, and at what.
  for (const { subject, target } of [started, ended]) {
    expect(subject).toMatchObject({ user: `${policy}@test`, groups: ['dev'], address: '127.0.0.1' });
    expect(target).toEqual({ namespace: 'd', pod: 'p', container: 'c' });
  }
  expect(started.command).toEqual(['cat']);
  // Why, and what was done.
  const failures = events.filter((event): event is Failure => event.type === 'recording.failed');
  expect(failures).toMatchObject(failure === undefined ? [] : [{ failMode: policy, ...failure }]);
  for (const { message, rules } of failures) {
    expect(message).not.toBe('');
    expect(rules).toEqual([policy === 'open' ? 'grants[0]' : 'grants[1]']);
  }
  expect(ended.outcome).toBe(outcome);
  // How much is missing.
  if (missing === undefined) expect(ended).toMatchObject({ gaps: [], unrecordedBytes: 0, unrecordedMs: 0 });
  else {
    expect(ended.gaps).toHaveLength(1);
    expect(ended.unrecordedBytes).toBeGreaterThanOrEqual(missing.least);
    expect(ended.unrecordedBytes).toBeLessThanOrEqual(missing.most);
  }
}

const ALL = { least: BEFORE.length + AFTER.length, most: BEFORE.length + AFTER.length };

/** The session, as far as the policy lets it come. */
async function wholeSession(rig: Rig, setting: Setting): Promise<void> {
  if (setting.policy === 'closed') {
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: 'closed', target: CATQ }));
    expect((await client.head())[0]).toContain('403');
    expect(rig.upstream.peers).toEqual([]);
    return;
  }
  const live = await openSession(rig, setting, { target: CATQ });
  live.upstream.send(live.say.output(BEFORE));
  await live.client.take(live.say.output(BEFORE).length);
  await finish(live);
}

const NOT_STARTED = {
  open: { outcome: 'unrecorded', action: 'continuedUnrecorded', missing: { missing: ALL } },
  closed: { outcome: 'refused', action: 'denied', missing: {} },
} as const;

row('the recorder is killed in deciding', async setting => {
  const rig = await rigWith({
    onAudit: ({ type }) => {
      if (type === 'session.started') rig.recorder.die();
    },
  });
  await wholeSession(rig, setting);
  const { outcome, action, missing } = NOT_STARTED[setting.policy];
  const failure = { state: 'connectingRecorders', phase: 'connect', kind: 'refused', action };
  await audited(rig, setting.policy, { failure, outcome, ...missing });
});

row('the recorder is killed in connectingRecorders', async setting => {
  const dying = await dyingWhenAsked();
  const rig = await rigWith({ recorders: [dying.address] });
  await wholeSession(rig, setting);
  const { outcome, action, missing } = NOT_STARTED[setting.policy];
  const failure = {
    state: 'connectingRecorders',
    phase: 'connect',
    action,
    attempts: [{ recorder: dying.address }],
  };
  await audited(rig, setting.policy, { failure, outcome, ...missing });
});

row('without a recorder named, one that is killed in joined.passing is no matter', async setting => {
  const rig = await rigWith({ recorders: [] });
  killIn(rig, 'joined.passing');
  await wholeSession(rig, setting);
  const told: Record<Policy, Told> = {
    open: { failure: undefined, outcome: 'passed' },
    closed: { failure: { state: 'deciding', phase: 'deciding', action: 'denied' }, outcome: 'refused' },
  };
  await audited(rig, setting.policy, told[setting.policy]);
});

row('the recorder is killed in joined.streaming, before upstream has answered', async setting => {
  const rig = await rigWith({});
  if (setting.policy === 'closed') {
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: 'closed', target: CATQ }));
    await (await rig.upstream.next()).head();
    rig.recorder.die();
    expect((await client.head())[0]).toContain('403');
  } else {
    rig.sessions.on('changed', ({ state }) => {
      if (state === 'joined.streaming' && rig.recorder.uploads.length > 0) rig.recorder.die();
    });
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: 'open', target: CATQ }));
    await rig.state('joined.failingOpen');
    client.rst();
  }
  const told: Record<Policy, Told> = {
    open: { failure: { phase: 'header', action: 'continuedUnrecorded' }, outcome: 'aborted' },
    closed: { failure: { phase: 'header', action: 'denied' }, outcome: 'refused' },
  };
  await audited(rig, setting.policy, told[setting.policy]);
});

row('the recorder is killed in joined.streaming', async setting => {
  const rig = await rigWith({});
  const live = await openSession(rig, setting, { target: CATQ });
  await beforeAcked(rig, live);
  rig.recorder.die();
  if (setting.policy === 'closed') await live.client.until('Failure');
  else {
    await rig.state('joined.failingOpen');
    await finish(live);
  }
  const failure = {
    state: 'joined.streaming',
    previousState: 'connectingRecorders',
    phase: 'stream',
    kind: 'reset',
    recorder: rig.recorder.address,
    lastAcked: { offset: expect.any(Number), time: expect.any(String) },
  };
  const told: Record<Policy, Told> = {
    open: {
      failure: { ...failure, action: 'continuedUnrecorded' },
      outcome: 'unrecorded',
      // The last ack may have been under way.
      missing: { least: AFTER.length, most: ALL.most },
    },
    closed: { failure: { ...failure, action: 'terminated' }, outcome: 'terminated' },
  };
  const { outcome, missing, failure: said } = told[setting.policy];
  const ended = await rig.ended();
  const most =
    setting.policy === 'closed' && ended.gaps.length > 0 ? { least: 0, most: BEFORE.length } : missing;
  await audited(rig, setting.policy, {
    failure: said,
    outcome,
    ...(most === undefined ? {} : { missing: most }),
  });
});

row('the recorder that is to take over is killed in handingOver', async setting => {
  const next = await dyingWhenAsked();
  const first = await startRecorder();
  const rig = await rigWith({ recorders: [first.address, next.address] });
  const live = await openSession(rig, setting, { target: CATQ });
  live.upstream.send(live.say.output(BEFORE));
  await live.client.take(live.say.output(BEFORE).length);
  first.die();
  if (setting.policy === 'closed') await live.client.until('Failure');
  else {
    await rig.state('joined.failingOpen');
    await finish(live);
  }
  const action = setting.policy === 'closed' ? 'terminated' : 'continuedUnrecorded';
  const failure = {
    state: 'joined.streaming',
    recorder: first.address,
    action,
    attempts: expect.arrayContaining([expect.objectContaining({ recorder: next.address })]),
  };
  const ended = await rig.ended();
  const missing = ended.gaps.length > 0 ? { missing: { least: 0, most: ALL.most } } : {};
  const outcome = setting.policy === 'closed' ? 'terminated' : 'unrecorded';
  await audited(rig, setting.policy, { failure, outcome, ...missing });
  if (setting.policy === 'open') expect(ended.unrecordedBytes).toBeGreaterThanOrEqual(AFTER.length);
});

row(
  'the recorder that comes back is killed in joined.failingOpen',
  async setting => {
    let asked = 0;
    const back = await startRecorder({
      accept: () => {
        // The first attempt is that of the start, the second that of failingOpen.
        if (++asked > 1) back.die();
        else back.uploads.length;
        return new Promise(() => {});
      },
    });
    const rig = await rigWith({
      recorders: [back.address],
      sessionLimits: { ...LIMITS, connectMs: 50 },
    });
    const live = await openSession(rig, setting, { target: CATQ });
    await rig.until(() => asked > 1);
    live.upstream.send(live.say.output(BEFORE));
    await live.client.take(live.say.output(BEFORE).length);
    await finish(live);
    const failure = { state: 'connectingRecorders', phase: 'connect', action: 'continuedUnrecorded' };
    await audited(rig, setting.policy, { failure, outcome: 'unrecorded', missing: ALL });
  },
  { policies: ['open'] },
);

row('the recorder is killed in failingClosed', async setting => {
  const rig = await rigWith({});
  killIn(rig, 'failingClosed');
  const live = await openSession(rig, setting, { target: CATQ });
  await beforeAcked(rig, live);
  live.client.send(live.say.violation);
  await live.client.until('Failure');
  const failure = { kind: 'reset', action: 'none', recorder: rig.recorder.address };
  const { gaps } = await rig.ended();
  const missing = gaps.length > 0 ? { missing: { least: 0, most: BEFORE.length } } : {};
  await audited(rig, setting.policy, { failure, outcome: 'terminated', ...missing });
});

row('the recorder is killed in ending', async setting => {
  const rig = await rigWith({});
  killIn(rig, 'ending');
  const live = await openSession(rig, setting, { target: CATQ });
  await beforeAcked(rig, live);
  await finish(live);
  const failure = { state: 'ending', phase: 'finalise', kind: 'reset', action: 'none' };
  const missing = { least: 0, most: ALL.most };
  const { gaps } = await rig.ended();
  await audited(rig, setting.policy, {
    failure,
    outcome: 'unrecorded',
    ...(gaps.length > 0 ? { missing } : {}),
  });
});

row('the recorder is killed in closed', async setting => {
  const rig = await rigWith({});
  killIn(rig, 'closed');
  const live = await openSession(rig, setting, { target: CATQ });
  await beforeAcked(rig, live);
  await finish(live);
  await audited(rig, setting.policy, { failure: undefined, outcome: 'recorded' });
  const { recording, lastAcked } = await rig.ended();
  expect(recording).toMatchObject({ complete: true, bytes: rig.recorder.cast.length });
  expect(lastAcked?.offset).toBe(rig.recorder.cast.length);
});

row('a recorder that accepts, and fails in the same breath, is asked twice and no more', async setting => {
  const hasty = await startRecorder({ onUpload: ({ stream }) => stream.end('{"error":"no room"}\n') });
  const rig = await rigWith({
    recorders: [hasty.address],
    sessionLimits: { ...LIMITS, retryMs: 60_000 },
  });
  if (setting.policy === 'closed') {
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: 'closed', target: CATQ }));
    expect((await client.head())[0]).toContain('403');
  } else await wholeSession(rig, setting);
  const { outcome, action } = NOT_STARTED[setting.policy];
  expect(await rig.ended()).toMatchObject({ outcome });
  const failures = rig.audit.filter((event): event is Failure => event.type === 'recording.failed');
  expect(failures.at(-1)).toMatchObject({ action });
  expect(failures.slice(0, -1).map(failure => failure.action)).toEqual(
    failures.slice(1).map(() => 'handedOver'),
  );
  expect(hasty.uploads.length).toBeLessThanOrEqual(2);
});

row(
  'output waits for whoever takes over from a recorder that was lost while upstream was asked',
  async setting => {
    const first = await startRecorder();
    let accept = (): void => {};
    const go = new Promise<void>(resolve => {
      accept = resolve;
    });
    const next = await startRecorder({ accept: () => go });
    const rig = await rigWith({
      recorders: [first.address, next.address],
      sessionLimits: { ...LIMITS, staggerMs: 10_000, handoverMs: 10_000 },
    });
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: setting.policy, target: CATQ }));
    const upstream = await rig.upstream.next();
    await upstream.head();
    first.die();
    await rig.until(() => rig.sessions.list()[0]?.transitions.at(-1)?.event === 'recorder.lost');
    const say = speech(setting.transport, CATQ);
    upstream.send(switching(setting.transport));
    await client.head();
    client.send(say.opening);
    await upstream.take(say.opening.length);
    const before = Buffer.concat([say.replies, say.output(BEFORE)]);
    upstream.send(before);
    accept();
    await client.take(before.length);
    await finish({ client, upstream, say, asked: [], answered: [] });
    const failure = { phase: 'header', action: 'handedOver', recorder: first.address };
    await audited(rig, setting.policy, { failure, outcome: 'recorded' });
    expect(outputOf(next.cast)).toBe(BEFORE + AFTER);
  },
);
