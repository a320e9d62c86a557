import { expect } from 'vitest';
import { startRig } from './rig.ts';
import { openSession, outputOf, refusal, row } from './session.ts';
import { SUCCESS, switching, upgradeRequest, speech, EXECQ } from './speech.ts';

row('smoke B007 frames in one segment with the 101', async setting => {
  const rig = await startRig();
  const { client, upstream, say } = await openSession(rig, setting);
  const out = Buffer.concat([say.output('hi'), say.status(SUCCESS), say.farewell]);
  upstream.send(out);
  upstream.fin();
  expect(await client.takes(out)).toBe(true);
  const ended = await rig.ended();
  expect(ended).toMatchObject({ outcome: 'recorded', exitCode: 0 });
  expect(outputOf(rig.recorder.seen.body)).toBe('hi');
});

row('smoke violation', async setting => {
  const rig = await startRig();
  const { client, say } = await openSession(rig, setting);
  client.send(say.violation);
  const rest = await client.rest();
  expect(rest).toContain('"status":"Failure"');
  expect(await rig.ended()).toMatchObject({ outcome: 'terminated' });
  expect(rig.audit.map(e => e.type)).toEqual([
    'session.started', 'session.decided', 'caller.violated', 'session.ended',
  ]);
});

row('smoke rst', async setting => {
  const rig = await startRig();
  const { client, upstream } = await openSession(rig, setting);
  client.rst();
  expect(await rig.ended()).toMatchObject({ outcome: 'aborted' });
  await upstream.left;
});

row('smoke refuse', async ({ policy, transport }) => {
  const rig = await startRig();
  const client = await rig.client();
  client.send(upgradeRequest(transport, { token: policy, upgrade: ['Connection: Upgrade', 'Upgrade: foo'] }));
  expect(await refusal(client)).toMatchObject({ code: 400 });
  expect(rig.upstream.peers).toHaveLength(0);
  void switching; void speech; void EXECQ;
});
