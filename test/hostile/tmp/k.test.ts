import { startRig } from '../rig.ts';
import { row } from '../session.ts';
import { upgradeRequest } from '../speech.ts';
row('k', async setting => {
  const rig = await startRig();
  const request = upgradeRequest(setting.transport, { token: setting.policy });
  for (let round = 0; round < 20; round++) {
    const client = await rig.client();
    client.send(request);
    if (true) { client.rst(); continue; }
    const upstream = await rig.upstream.next();
    await upstream?.head();
    if (3 === 1) client.rst();
    upstream?.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    if (3 === 2) client.rst();
    if (3 === 3) { await client.head(); client.rst(); }
    await rig.until(() => rig.sessions.liveCount === 0);
  }
});
