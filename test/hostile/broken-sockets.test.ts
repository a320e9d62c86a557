import { expect } from 'vitest';
import { startRig } from './rig.ts';
import { refusal, row } from './session.ts';
import { switching, upgradeRequest } from './speech.ts';

const FORBIDDEN = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno';

// An error that nobody listens to ends the process, and vitest reports it as a failure of the run.

row('B004 a client that resets in any moment of a refused upgrade breaks nothing', async setting => {
  const rig = await startRig();
  const request = upgradeRequest(setting.transport, { token: setting.policy });
  for (let round = 0; round < 20; round++) {
    const client = await rig.client();
    client.send(request);
    if (round % 4 === 0) client.rst();
    const upstream = round % 4 === 0 ? undefined : await rig.upstream.next();
    await upstream?.head();
    if (round % 4 === 1) client.rst();
    upstream?.send(FORBIDDEN);
    if (round % 4 === 2) client.rst();
    if (round % 4 === 3) {
      await client.head();
      client.rst();
    }
    const wasSession = rig.audit.filter(({ type }) => type === 'session.started').length;
    await rig.ended(wasSession);
  }
  expect(rig.sessions.liveCount).toBe(0);
});

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
