import { expect } from 'vitest';
import { startRecorder } from './recorder.ts';
import { startRig } from './rig.ts';
import { openSession, outputOf, row, valuesIn } from './session.ts';
import { CATQ, SUCCESS, upgradeRequest } from './speech.ts';

const DEPARTURES = ['a reset', 'an end', 'an end behind unread bytes'] as const;

for (const how of DEPARTURES) {
  const leave = (client: { rst(): void; fin(): void; send(text: string): void }): void => {
    if (how === 'an end behind unread bytes') client.send('x'.repeat(200_000));
    if (how === 'a reset') client.rst();
    else client.fin();
  };

  row(`E1 B091 the client leaves by ${how} while the recorder has not answered`, async setting => {
    const slow = await startRecorder({ accept: () => new Promise(() => {}) });
    const rig = await startRig({ recorders: [slow.address] });
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: setting.policy }));
    await rig.state('connectingRecorders');
    leave(client);
    expect(await rig.ended()).toMatchObject({ outcome: 'aborted', cause: { code: 'client.left' } });
    expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
    expect(rig.upstream.peers).toHaveLength(0);
    expect(slow.uploads).toHaveLength(0);
  });

  row(`E1 B091 the client leaves by ${how} while upstream has not answered`, async setting => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: setting.policy }));
    const upstream = await rig.upstream.next();
    await upstream.head();
    leave(client);
    expect(await rig.ended()).toMatchObject({ outcome: 'aborted', cause: { code: 'client.left' } });
    await upstream.left;
    expect(await (await rig.recorder.first()).over()).toBe('cut');
    expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
  });

  row(`E1 the client leaves by ${how} from a live session`, async setting => {
    const rig = await startRig();
    const { client, upstream, say } = await openSession(rig, setting, { target: CATQ });
    upstream.send(say.output('seen'));
    await client.take(say.output('seen').length);
    if (how === 'a reset') client.rst();
    else {
      if (how === 'an end behind unread bytes') client.send(say.input('x'.repeat(200_000)));
      client.fin();
    }
    await upstream.left;
    expect(await rig.ended()).toMatchObject({ outcome: 'aborted', cause: { code: 'client.left' } });
    expect(outputOf(rig.recorder.cast)).toBe('seen');
    expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
  });
}

row('E1 a client that closes as soon as it has the status has left in order', async setting => {
  const rig = await startRig();
  const { client, upstream, say } = await openSession(rig, setting);
  const end = Buffer.concat([say.output('x'), say.status(SUCCESS)]);
  upstream.send(end);
  await client.take(end.length);
  client.fin();
  await upstream.left;
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded', exitCode: 0 });
});

const STATUS =
  '{"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods \\"p\\" not found","code":404}';
const REFUSALS: readonly (readonly [what: string, answer: string, body: string])[] = [
  [
    '404',
    `404 Not Found\r\nContent-Type: application/json\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: ${STATUS.length}`,
    STATUS,
  ],
  [
    '400 in chunks',
    '400 Bad Request\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain',
    'container not found',
  ],
  ['403 without a body', '403 Forbidden\r\nContent-Length: 0', ''],
  ['302', '302 Found\r\nLocation: https://elsewhere.test/\r\nContent-Length: 0', ''],
  ['500 that ends with the connection', '500 Internal Server Error\r\nConnection: close', 'it broke'],
];

for (const [what, answer, body] of REFUSALS) {
  row(`E2 B023 upstream's refusal reaches the client as it came: ${what}`, async setting => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: setting.policy }));
    const upstream = await rig.upstream.next();
    await upstream.head();
    upstream.send(`HTTP/1.1 ${answer}\r\n\r\n`);
    if (answer.includes('chunked')) {
      upstream.send(
        `5\r\n${body.slice(0, 5)}\r\n`,
        `${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`,
      );
    } else upstream.send(body);
    if (answer.includes('close')) upstream.fin();
    const head = await client.head();
    expect(head[0]).toBe(`HTTP/1.1 ${answer.split('\r\n')[0]}`);
    if (what === '404') expect(valuesIn(head, 'x-a')).toEqual(['1', '2']);
    if (what === '302') expect(valuesIn(head, 'location')).toEqual(['https://elsewhere.test/']);
    expect(valuesIn(head, 'connection')).toEqual(['close']);
    const chunked = valuesIn(head, 'transfer-encoding').length > 0;
    expect(chunked ? await client.chunkedBody() : await client.rest()).toBe(body);
    await client.left;
    await upstream.left;
    expect(await rig.ended()).toMatchObject({ outcome: 'refused', cause: { code: 'upstream.refused' } });
    expect(await (await rig.recorder.first()).over()).toBe('cut');
    expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
    expect(rig.upstream.peers).toHaveLength(1);
  });
}

row('E2 a refusal that upstream cuts short is cut for the client too', async setting => {
  const rig = await startRig();
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy }));
  const upstream = await rig.upstream.next();
  await upstream.head();
  upstream.send('HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nit br\r\n');
  await client.head();
  upstream.rst();
  expect(await client.rest()).not.toContain('\r\n0\r\n');
  expect(await rig.ended()).toMatchObject({ outcome: 'refused' });
});

for (const how of ['a reset', 'an end'] as const) {
  row(`E3 upstream goes by ${how} without an answer`, async setting => {
    const rig = await startRig();
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { token: setting.policy }));
    const upstream = await rig.upstream.next();
    await upstream.head();
    if (how === 'a reset') upstream.rst();
    else upstream.fin();
    expect((await client.head())[0]).toContain('502');
    expect(await rig.ended()).toMatchObject({ outcome: 'refused' });
    expect(await (await rig.recorder.first()).over()).toBe('cut');
    expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
  });
}

row('E3 upstream that never answers is told as such', async setting => {
  const rig = await startRig({ dialLimitMs: 100 });
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { token: setting.policy }));
  await (await rig.upstream.next()).left;
  expect((await client.head())[0]).toContain('504');
  expect(await rig.ended()).toMatchObject({ outcome: 'refused', cause: { code: 'KW_UPSTREAM_TIMEOUT' } });
});

row('E4 upstream has its last word after the client has closed its half', async setting => {
  const rig = await startRig();
  const { client, upstream, say } = await openSession(rig, setting, { target: CATQ });
  client.send(say.input('last'));
  client.fin();
  expect(await upstream.takes(say.input('last'))).toBe(true);
  await upstream.left;
  const end = Buffer.concat([say.output('word'), say.status(SUCCESS), say.farewell]);
  upstream.send(end);
  upstream.fin();
  expect(await client.takes(end)).toBe(true);
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded', exitCode: 0 });
});

row('E4 the end of stdin is one stream’s, and the rest goes on', async setting => {
  const rig = await startRig();
  const { client, upstream, say } = await openSession(rig, setting, { target: CATQ });
  const up = Buffer.concat([say.input('x'), say.endInput()]);
  client.send(up);
  expect(await upstream.takes(up)).toBe(true);
  const down = Buffer.concat([say.output('x'), say.status(SUCCESS), say.farewell]);
  upstream.send(down);
  upstream.fin();
  expect(await client.takes(down)).toBe(true);
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
});
