import { expect, test } from 'vitest';
import { startRecorder } from './recorder.ts';
import { startRig } from './rig.ts';
import { refusal } from './session.ts';
import { upgradeRequest } from './speech.ts';

test('bounds that change hold for sessions that begin from then on, and for no other', async () => {
  const silent = await startRecorder({ accept: () => new Promise<void>(() => {}) });
  const limits = { connectMs: 3_600_000 };
  const rig = await startRig({ recorders: [silent.address], sessionLimits: limits });
  const [before, after] = [await rig.client(), await rig.client()];
  before.send(upgradeRequest('websocket', { token: 'closed' }));
  await rig.state('connectingRecorders');
  limits.connectMs = 50;
  after.send(upgradeRequest('websocket', { token: 'closed' }));
  expect(await refusal(after)).toMatchObject({ code: 403 });
  await rig.ended();
  const states = rig.sessions.list().map(({ state }) => state);
  expect(states).toEqual(['connectingRecorders', 'closed']);
  before.rst();
  expect(await rig.ended(2)).toMatchObject({ outcome: 'aborted' });
});
