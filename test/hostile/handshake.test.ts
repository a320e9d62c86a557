import { once } from 'node:events';
import { expect } from 'vitest';
import * as spdy from '../src/wire/spdy-encoder.ts';
import { fromClient, fromServer } from '../src/wire/websocket-encoder.ts';
import { startRecorder } from './recorder.ts';
import { startRig } from './rig.ts';
import { castOf, openSession, outputOf, refusal, row, valuesIn } from './session.ts';
import { ATTACH, CATQ, EXEC, EXECQ, SUCCESS, speech, switching, upgradeRequest } from './speech.ts';

row(
  'B001 SPDY by POST is joined, with the version that upstream chose',
  async setting => {
    const rig = await startRig();
    const { client, upstream, say, answered } = await openSession(rig, setting, { target: CATQ });
    expect(answered[0]).toBe('HTTP/1.1 101 Switching Protocols');
    expect(valuesIn(answered, 'upgrade')).toEqual(['SPDY/3.1']);
    expect(valuesIn(answered, 'x-stream-protocol-version')).toEqual(['v4.channel.k8s.io']);
    client.send(say.input('up'));
    expect(await upstream.takes(say.input('up'))).toBe(true);
    upstream.send(say.output('down'));
    expect(await client.takes(say.output('down'))).toBe(true);
  },
  { transports: ['spdy'] },
);

row(
  'B002 repeated header lines stay lines, in both directions',
  async setting => {
    const rig = await startRig();
    const versions = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
    const client = await rig.client();
    const protocols = versions.map(version => `X-Stream-Protocol-Version: ${version}`);
    client.send(upgradeRequest('spdy', { token: setting.policy, protocols }));
    const upstream = await rig.upstream.next();
    expect(valuesIn(await upstream.head(), 'x-stream-protocol-version')).toEqual(versions);
    upstream.send(switching('spdy', undefined, ['X-A: 1', 'X-A: 2']));
    const answered = await client.head();
    expect(valuesIn(answered, 'x-a')).toEqual(['1', '2']);
  },
  { transports: ['spdy'] },
);

row('B005 R27 what is refused joins nothing, and its connection serves nobody else', async setting => {
  const rig = await startRig();
  const client = await rig.client();
  const second = 'GET /api/v1/secrets HTTP/1.1\r\nHost: proxy.test\r\nAuthorization: Bearer open\r\n\r\n';
  client.send(upgradeRequest(setting.transport, { token: setting.policy }), second);
  const upstream = await rig.upstream.next();
  await upstream.head();
  upstream.send('HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno');
  expect((await client.head())[0]).toBe('HTTP/1.1 400 Bad Request');
  expect(await client.rest()).toBe('no');
  expect(await upstream.rest()).toBe('');
  expect(await rig.ended()).toMatchObject({ outcome: 'refused', cause: { code: 'upstream.refused' } });
  const other = await rig.client();
  other.send('GET /api/v1/pods HTTP/1.1\r\nHost: proxy.test\r\nAuthorization: Bearer open\r\n\r\n');
  expect((await (await rig.upstream.next()).head())[0]).toBe('GET /api/v1/pods HTTP/1.1');
  expect(rig.upstream.peers).toHaveLength(2);
});

row('B007 what comes in one segment with the 101 reaches the client behind it', async setting => {
  const rig = await startRig();
  // A SPDY server has no stream to answer yet, so it can only speak of the connection.
  const first =
    setting.transport === 'websocket'
      ? Buffer.concat([fromServer([1]), fromServer([1, 0x68, 0x69])])
      : Buffer.concat([spdy.control(4, Buffer.alloc(4)), spdy.ping(2)]);
  const { client, upstream, say } = await openSession(rig, setting, { withAnswer: first });
  expect(await client.takes(first)).toBe(true);
  const rest = [
    setting.transport === 'spdy' ? say.replies : Buffer.alloc(0),
    say.output('ho'),
    say.status(SUCCESS),
  ];
  upstream.send(...rest, say.farewell);
  upstream.fin();
  await rig.ended();
  expect(outputOf(rig.recorder.cast)).toBe(setting.transport === 'websocket' ? 'hiho' : 'ho');
});

row('B008 what a client sends before its session is joined arrives whole and in order', async setting => {
  let accept = (): void => {};
  const go = new Promise<void>(resolve => {
    accept = resolve;
  });
  const slow = await startRecorder({ accept: () => go });
  const rig = await startRig({ recorders: [slow.address] });
  const say = speech(setting.transport, CATQ);
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { target: CATQ, token: setting.policy }), say.opening);
  await rig.state('connectingRecorders');
  const frame = say.input('second');
  const big = Array.from({ length: 64 }, (_, index) => say.input(Buffer.alloc(32 * 1024, index)));
  client.send(say.input('first'));
  client.send(frame.subarray(0, 3));
  client.send(frame.subarray(3), ...big);
  expect(rig.upstream.peers).toHaveLength(0);
  accept();
  const upstream = await rig.upstream.next();
  await upstream.head();
  upstream.send(switching(setting.transport));
  expect(await upstream.takes(Buffer.concat([say.opening, say.input('first'), frame, ...big]))).toBe(true);
});

row('B010 R32 an upgrade to h2c is refused on ordinary paths too', async ({ policy }) => {
  // The public case would have it answered as a plain GET; here every unknown upgrade is refused.
  const rig = await startRig();
  const client = await rig.client();
  const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'];
  client.send(upgradeRequest('websocket', { target: '/api/v1/pods', token: policy, upgrade, protocols: [] }));
  expect(await refusal(client)).toMatchObject({ code: 400, status: { kind: 'Status' } });
  expect(rig.upstream.peers).toHaveLength(0);
});

row('B011 R32 an upgrade pipelined behind a reply that is under way never mixes with it', async setting => {
  const rig = await startRig();
  const client = await rig.client();
  const slow = `GET /api/v1/pods HTTP/1.1\r\nHost: proxy.test\r\nAuthorization: Bearer ${setting.policy}\r\n\r\n`;
  client.send(slow, upgradeRequest(setting.transport, { token: setting.policy }));
  const first = await rig.upstream.next();
  expect((await first.head())[0]).toBe('GET /api/v1/pods HTTP/1.1');
  first.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow');
  expect((await client.head())[0]).toBe('HTTP/1.1 200 OK');
  // The connection ends behind the first reply: whoever pipelines an upgrade has to ask again.
  expect(await client.rest()).toBe('slow');
  expect(rig.upstream.peers).toHaveLength(1);
});

row(
  'B013 the protocol is the one that upstream chose',
  async setting => {
    const rig = await startRig();
    const protocols = ['Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io'];
    const { client, answered } = await openSession(rig, setting, {
      protocols,
      target: CATQ,
      subprotocol: 'v4.channel.k8s.io',
    });
    expect(valuesIn(answered, 'sec-websocket-protocol')).toEqual(['v4.channel.k8s.io']);
    // In v4 there is no close signal, so this is a message on a channel that does not exist.
    client.send(fromClient([255, 0]));
    expect(await client.rest()).toContain('[WS_CHANNEL]');
    expect(await rig.ended()).toMatchObject({ outcome: 'terminated', subprotocol: 'v4.channel.k8s.io' });
  },
  { transports: ['websocket'] },
);

for (const [what, protocol] of [
  ['none', undefined],
  ['one that was not offered', 'channel.k8s.io'],
] as const) {
  row(
    `B013 upstream that chooses ${what} is not joined`,
    async ({ policy }) => {
      const rig = await startRig();
      const client = await rig.client();
      client.send(upgradeRequest('websocket', { token: policy }));
      const upstream = await rig.upstream.next();
      await upstream.head();
      const answer = switching('websocket', protocol ?? 'x').replace(/Sec-WebSocket-Protocol: x\r\n/, '');
      upstream.send(answer, fromServer([1, 0x68, 0x69]));
      expect(await refusal(client)).toMatchObject({ code: 502 });
      await upstream.left;
      expect(await rig.ended()).toMatchObject({
        outcome: 'refused',
        cause: { code: 'KW_UPSTREAM_PROTOCOL' },
      });
    },
    { transports: ['websocket'] },
  );
}

row('B019 an attach is recorded as one, and names no command', async setting => {
  const rig = await startRig();
  const target = `${ATTACH}?stdin=true&stdout=true&tty=true&command=never`;
  const { client, upstream, say } = await openSession(rig, setting, { target });
  const out = Buffer.concat([say.output('hi'), say.status(SUCCESS), say.farewell]);
  upstream.send(out);
  upstream.fin();
  await client.take(out.length);
  await rig.ended();
  const { header } = castOf(rig.recorder.cast);
  expect(header).toMatchObject({ kubernetes: { SessionType: 'attach', PodName: 'p', Namespace: 'd' } });
  expect(header['command'] ?? '').toBe('');
});

row('B020 a port-forward is never taken for a session', async ({ policy, transport }) => {
  const rig = await startRig();
  const client = await rig.client();
  const protocols = [
    transport === 'websocket'
      ? 'Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io'
      : 'X-Stream-Protocol-Version: portforward.k8s.io',
  ];
  const target = '/api/v1/namespaces/d/pods/p/portforward';
  client.send(upgradeRequest(transport, { target, token: policy, protocols }));
  if (policy === 'closed') {
    const { code } = await refusal(client);
    expect([400, 403]).toContain(code);
    expect(rig.upstream.peers).toHaveLength(0);
  } else {
    // Whoever need not be recorded may have it, as a tunnel: unread, and without a recorder.
    await Promise.race([once(client.socket, 'data'), rig.upstream.next()]);
  }
  expect(rig.recorder.connections).toBe(0);
  expect(rig.audit.map(({ type }) => type)).not.toContain('session.started');
});

row('B022 commands reach upstream and the cast as they were meant', async setting => {
  const rig = await startRig();
  const args = ["'{}|^`", 'sh', '-c', 'a#b&c d \n', ''];
  const query = "command='{}%7C^%60&command=sh&command=-c&command=a%23b%26c+d%20%0A&command=&stdout=true";
  const { upstream, say, asked } = await openSession(rig, setting, { target: `${EXEC}?${query}` });
  const sent = new URLSearchParams(asked[0]?.split(' ')[1]?.split('?')[1]);
  expect(sent.getAll('command')).toEqual(args);
  upstream.send(say.status(SUCCESS), say.farewell);
  upstream.fin();
  await rig.ended();
  // The cast's format has one string for all of them; the audit has them apart.
  expect(castOf(rig.recorder.cast).header).toMatchObject({ command: args.join(' ') });
  expect(rig.audit[0]).toMatchObject({ type: 'session.started', command: args });
});

row('B022 R05 a raw fragment is refused, not cut off', async ({ policy, transport }) => {
  const rig = await startRig();
  const client = await rig.client();
  client.send(upgradeRequest(transport, { target: `${EXECQ}#x&command=rm`, token: policy }));
  expect(await refusal(client)).toMatchObject({ code: 400 });
  expect(rig.upstream.peers).toHaveLength(0);
});

row('B023 an upstream that cannot be reached is told as such', async ({ policy, transport }) => {
  const rig = await startRig();
  await rig.upstream.stopListening();
  const client = await rig.client();
  client.send(upgradeRequest(transport, { token: policy }));
  const { code, status } = await refusal(client);
  expect({ code, status }).toMatchObject({ code: 502, status: { kind: 'Status', code: 502 } });
  expect(status['message']).not.toContain('127.0.0.1');
  expect(await rig.ended()).toMatchObject({ outcome: 'refused' });
  expect(await (await rig.recorder.first()).over()).toBe('cut');
  expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
});
