import { expect, test } from 'vitest';
import { FAULTS, PHASES } from './failure-table.ts';
import type { Rig } from './rig.ts';
import { POLICIES, startRig } from './rig.ts';
import { openSession, refusal } from './session.ts';
import { SUCCESS, TRANSPORTS, upgradeRequest } from './speech.ts';

const LIMITS = {
  recorderLimits: { dialMs: 150, probeMs: 150, acceptMs: 150, finalAnswerMs: 150 },
  recordingLimits: { maxUnackedMs: 100 },
  sessionLimits: { staggerMs: 10, connectMs: 2_000, handoverMs: 200, retryMs: 60_000 },
};

const failures = (rig: Rig) => rig.audit.filter(event => event.type === 'recording.failed');

const CELLS = FAULTS.flatMap(fault =>
  POLICIES.flatMap(policy => TRANSPORTS.map(transport => ({ fault, policy, transport, name: fault.what }))),
);

test.each(CELLS)('the recorder $name: $policy, $transport', async ({ fault, policy, transport }) => {
  const { outcome, action } = PHASES[fault.phase][policy];
  const recorder = await fault.start();
  const rig = await startRig({ ...LIMITS, recorders: [recorder.address] });
  if (outcome === 'refused') {
    const client = await rig.client();
    client.send(upgradeRequest(transport, { token: policy }));
    const { code, status } = await refusal(client);
    expect({ code, kind: status['kind'] }).toEqual({ code: 403, kind: 'Status' });
    expect(rig.upstream.peers).toEqual([]);
  } else {
    const { client, upstream, say } = await openSession(rig, { policy, transport });
    upstream.send(say.output('before'));
    await client.take(say.output('before').length);
    await recorder.strike?.();
    if (fault.phase === 'stream') await rig.until(() => failures(rig).length > 0);
    if (outcome === 'terminated') {
      expect(await client.rest()).toContain('"status":"Failure"');
    } else {
      const end = Buffer.concat([say.output('after'), say.status(SUCCESS), say.farewell]);
      upstream.send(end);
      upstream.fin();
      expect(await client.takes(end)).toBe(true);
      client.fin();
    }
  }
  expect(await rig.ended()).toMatchObject({ outcome });
  expect(failures(rig)).toMatchObject([
    { phase: expect.any(String), kind: fault.kind, failMode: policy, action },
  ]);
  expect(rig.audit.filter(({ type }) => type === 'session.ended')).toHaveLength(1);
});
