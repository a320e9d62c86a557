import { expect } from 'vitest';
import { startRig } from './rig.ts';
import { refusal, row } from './session.ts';
import { switching, upgradeRequest } from './speech.ts';

const FORBIDDEN = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno';

// An error that nobody listens to ends the process, and vitest reports it as a failure of the run.

const MOMENTS = ['after its request', 'before the answer', 'behind the answer', 'having read the answer'];

for (const [moment, when] of MOMENTS.entries()) {
  row(`B004 a client that resets ${when} to a refused upgrade breaks nothing`, async setting => {
    const rig = await startRig();
    for (let round = 0; round < 5; round++) {
      const client = await rig.client();
      client.send(upgradeRequest(setting.transport, { token: setting.policy }));
      if (moment === 0) {
        client.rst();
        await client.left;
        continue;
      }
      const upstream = await rig.upstream.next();
      await upstream.head();
      if (moment === 1) client.rst();
      upstream.send(FORBIDDEN);
      if (moment === 2) client.rst();
      if (moment === 3) {
        await client.head();
        client.rst();
      }
      await rig.ended(round + 1);
    }
    await rig.until(() => rig.sessions.liveCount === 0);
    expect(rig.audit.filter(({ type }) => type === 'recording.failed')).toEqual([]);
  });
}

row('B004 a client that resets while the proxy itself refuses breaks nothing', async setting => {
  const rig = await startRig();
  for (let round = 0; round < 20; round++) {
    const client = await rig.client();
    const upgrade = ['Connection: Upgrade', 'Upgrade: foo'];
    client.send(upgradeRequest(setting.transport, { token: setting.policy, upgrade }));
    if (round % 2 === 0) await refusal(client);
    else await client.until('\r\n');
    // Whatever is still unread makes it a reset in the other direction too.
    client.send('more');
    client.rst();
  }
  await rig.until(() => rig.audit.length === 20);
  // The next one is served, so the process and its listener live.
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy }));
  await (await rig.upstream.next()).head();
});

row('B004 E3 an upstream that resets between its 101 and its first byte ends the session', async setting => {
  const rig = await startRig();
  for (let round = 1; round <= 10; round++) {
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: setting.policy }));
    const upstream = await rig.upstream.next();
    await upstream.head();
    upstream.send(switching(setting.transport));
    if (round % 2 === 0) await client.head();
    upstream.rst();
    await client.left;
    const { outcome } = await rig.ended(round);
    expect(['aborted', 'refused']).toContain(outcome);
  }
  expect(rig.audit.filter(({ type }) => type === 'recording.failed')).toEqual([]);
});
