import { expect, test } from 'vitest';
import { deadAddress, startTcp, startV1, startV2 } from '../src/recording/fake-recorders.ts';
import type { Upload } from './recorder.ts';
import { readUpload, startRecorder } from './recorder.ts';
import type { RigOptions } from './rig.ts';
import { POLICIES, startRig } from './rig.ts';
import { openSession, refusal, row } from './session.ts';
import { SUCCESS, switching, TRANSPORTS, upgradeRequest } from './speech.ts';

const QUICK: RigOptions = {
  recorderLimits: { dialMs: 150, probeMs: 150, acceptMs: 150 },
  sessionLimits: { staggerMs: 10, connectMs: 2_000 },
};

/** Takes the connection, and says nothing. */
const silent = () => startTcp(socket => socket.resume());

row('B061 silent recorders are passed over for one that answers', async setting => {
  const [first, second, good] = [await silent(), await silent(), await startRecorder()];
  const rig = await startRig({ ...QUICK, recorders: [first.address, second.address, good.address] });
  await openSession(rig, setting);
  const [upload] = good.uploads;
  expect(upload?.state).toBe('open');
  await first.seen.hasNoSockets();
  await second.seen.hasNoSockets();
  expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
});

row('B061 R28 without any recorder the rules decide, within the limit', async setting => {
  const [first, second] = [await silent(), await silent()];
  const rig = await startRig({ ...QUICK, recorders: [first.address, await deadAddress(), second.address] });
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy }));
  if (setting.policy === 'closed') {
    const { code, status } = await refusal(client);
    expect({ code, status }).toMatchObject({ code: 403, status: { kind: 'Status', reason: 'Forbidden' } });
    expect(rig.upstream.peers).toHaveLength(0);
    expect(await rig.ended()).toMatchObject({
      outcome: 'refused',
      cause: { code: 'KW_RECORDER_UNAVAILABLE' },
    });
  } else {
    const upstream = await rig.upstream.next();
    await upstream.head();
    upstream.send(switching(setting.transport));
    expect((await client.head())[0]).toContain('101');
  }
  expect(rig.audit.filter(({ type }) => type === 'recording.failed')).toMatchObject([
    { phase: 'connect', action: setting.policy === 'closed' ? 'denied' : 'continuedUnrecorded' },
  ]);
  await first.seen.hasNoSockets();
  await second.seen.hasNoSockets();
});

test.each(POLICIES)(
  'R14 a refused WebSocket and the SPDY that follows it get one decision (%s)',
  async policy => {
    const rig = await startRig({ ...QUICK, recorders: [await deadAddress()] });
    for (const transport of TRANSPORTS) {
      const client = await rig.client();
      client.send(upgradeRequest(transport, { token: policy }));
      if (policy === 'closed') expect(await refusal(client)).toMatchObject({ code: 403 });
      else await (await rig.upstream.next()).head();
    }
    expect(rig.upstream.peers).toHaveLength(policy === 'closed' ? 0 : 2);
    expect(rig.audit.filter(({ type }) => type === 'recording.failed')).toHaveLength(2);
  },
);

row('R29 upstream hears nothing before a recorder has accepted', async setting => {
  let accept = (): void => {};
  const go = new Promise<void>(resolve => {
    accept = resolve;
  });
  const slow = await startRecorder({ accept: () => go });
  const rig = await startRig({ recorders: [slow.address] });
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy }));
  await rig.state('connectingRecorders');
  expect(rig.upstream.peers).toHaveLength(0);
  accept();
  await (await rig.upstream.next()).head();
  expect(slow.uploads).toHaveLength(1);
});

row('B064 R28 a recorder that stops taking is found out without new output', async setting => {
  const stuck = await startRecorder({ onUpload: ({ stream }) => stream.write('{}') });
  const rig = await startRig({
    recorders: [stuck.address],
    recordingLimits: { maxUnackedMs: 100 },
    sessionLimits: { handoverMs: 200, retryMs: 60_000 },
  });
  const { client, upstream, say } = await openSession(rig, setting);
  upstream.send(say.output('hi'));
  await client.take(say.output('hi').length);
  await rig.until(() => rig.audit.some(({ type }) => type === 'recording.failed'));
  const failures = rig.audit.filter(event => event.type === 'recording.failed');
  expect(failures).toMatchObject([{ kind: 'ackLate', failMode: setting.policy }]);
  if (setting.policy === 'closed') {
    expect(await client.rest()).toContain('"status":"Failure"');
    expect(await rig.ended()).toMatchObject({ outcome: 'terminated', cause: { code: 'KW_RECORDER_LOST' } });
  } else {
    const end = Buffer.concat([say.output('more'), say.status(SUCCESS), say.farewell]);
    upstream.send(end);
    upstream.fin();
    expect(await client.takes(end)).toBe(true);
    expect(await rig.ended()).toMatchObject({ outcome: 'unrecorded' });
  }
});

const LATE: Readonly<Record<string, (upload: Upload) => void>> = {
  'an error': ({ stream }) => stream.end('{"error":"disk full"}\n'),
  'a reset': ({ stream }) => stream.session?.destroy(),
  nothing: () => {},
};

for (const [what, onBodyEnd] of Object.entries(LATE)) {
  row(`B065 a session is recorded only when the recorder has said so: it says ${what}`, async setting => {
    const late = await startRecorder({ onBodyEnd });
    const rig = await startRig({ recorders: [late.address], recorderLimits: { finalAnswerMs: 150 } });
    const { client, upstream, say } = await openSession(rig, setting);
    const end = Buffer.concat([say.output('hi'), say.status(SUCCESS), say.farewell]);
    upstream.send(end);
    upstream.fin();
    expect(await client.takes(end)).toBe(true);
    client.fin();
    expect(await rig.ended()).toMatchObject({
      outcome: 'unrecorded',
      cause: { code: 'recorder.unconfirmed' },
    });
    expect(rig.audit.filter(({ type }) => type === 'recording.failed')).toMatchObject([
      { phase: what === 'an error' ? 'store' : 'finalise', action: 'none' },
    ]);
  });
}

row('B071 R28 a recorder that is full at the start', async setting => {
  const full = await startV2({ postStatus: 507 });
  const rig = await startRig({ ...QUICK, recorders: [full.address] });
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy }));
  if (setting.policy === 'closed') expect(await refusal(client)).toMatchObject({ code: 403 });
  else await (await rig.upstream.next()).head();
  expect(rig.audit.filter(({ type }) => type === 'recording.failed')).toHaveLength(1);
});

row('B071 R28 a recorder that is full in the middle', async setting => {
  const full = await startRecorder({
    onUpload: upload => {
      readUpload(upload);
      void upload
        .until(({ bytes }) => bytes > 100_000)
        .then(() => upload.stream.end('{"error":"no space left"}\n'));
    },
  });
  const rig = await startRig({
    recorders: [full.address],
    sessionLimits: { handoverMs: 100, staggerMs: 10 },
  });
  // It would take the rest as a new recording; it does not come back.
  const { client, upstream, say } = await openSession(rig, setting);
  const lost = rig.until(() => rig.audit.some(({ type }) => type === 'recording.failed'));
  upstream.send(say.output(Buffer.alloc(120_000, 'x')));
  await full.first().then(upload => upload.over());
  full.die();
  upstream.send(say.output(Buffer.alloc(120_000, 'y')));
  await lost;
  if (setting.policy === 'closed') {
    expect(await rig.ended()).toMatchObject({ outcome: 'terminated' });
  } else {
    upstream.send(say.status(SUCCESS), say.farewell);
    upstream.fin();
    expect(await rig.ended()).toMatchObject({ outcome: 'unrecorded' });
  }
  await client.left;
});

row(
  'B071 an enforced recording without any recorder named is refused',
  async setting => {
    const rig = await startRig({ recorders: [] });
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: 'closed' }));
    expect(await refusal(client)).toMatchObject({ code: 403, status: { kind: 'Status' } });
    expect(rig.upstream.peers).toHaveLength(0);
    expect(await rig.ended()).toMatchObject({ outcome: 'refused' });
  },
  { policies: ['closed'] },
);

row('B064 the older recorder protocol ends in the same way', async setting => {
  const old = await startV1({ onBodyEnd: response => response.writeHead(500).end() });
  const rig = await startRig({ recorders: [old.address] });
  const { client, upstream, say } = await openSession(rig, setting);
  upstream.send(say.output('hi'), say.status(SUCCESS), say.farewell);
  upstream.fin();
  await client.left;
  expect(await rig.ended()).toMatchObject({ outcome: 'unrecorded' });
});
