import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectRecorder, probeRecorder } from '../../../src/recording/connect.ts';
import { sendEvent } from '../../../src/recording/send-event.ts';
import { deadAddress, startTcp, startV1, startV2 } from './fake-recorders.ts';
import type { Socks5Behaviour } from './fake-socks5.ts';
import { startSocks5 as start } from './fake-socks5.ts';

const CAST = Buffer.from('{"version":2}\n');

async function startSocks5(behaviour: Socks5Behaviour = {}) {
  const socks5 = await start(behaviour);
  onTestFinished(() => socks5.close());
  return socks5;
}

async function uploaded(recorder: string, behaviour: Socks5Behaviour = {}) {
  const socks5 = await startSocks5(behaviour);
  const upload = await connectRecorder(recorder, { access: { socks5 } });
  upload.write(CAST);
  await upload.end();
  return { upload, socks5 };
}

describe('a recorder behind a SOCKS5 proxy', () => {
  test('of protocol v2', async () => {
    const recorder = await startV2();
    const { upload, socks5 } = await uploaded(recorder.address);
    expect(upload).toMatchObject({ protocol: 'v2', recorder: recorder.address });
    expect(recorder.seen.body).toEqual(CAST);
    expect(socks5.asked).toEqual([`ipv4:${recorder.address}`]);
  });

  test('of protocol v1, which takes a second connection', async () => {
    const recorder = await startV1();
    const { upload, socks5 } = await uploaded(recorder.address);
    expect(upload.protocol).toBe('v1');
    expect(recorder.seen.body).toEqual(CAST);
    expect(socks5.asked).toHaveLength(2);
  });

  test('events', async () => {
    const { address, bodies } = await startEvents();
    const socks5 = await startSocks5();
    expect(await sendEvent(address, Buffer.from('{"a":1}'), undefined, { socks5 })).toEqual({
      kind: 'stored',
    });
    expect(bodies).toEqual(['{"a":1}']);
    expect(socks5.asked).toEqual([`ipv4:${address}`, `ipv4:${address}`]);
  });

  test('the probe of one that failed', async () => {
    const recorder = await startV2();
    const socks5 = await startSocks5();
    await probeRecorder(recorder.address, { access: { socks5 } });
    expect(socks5.asked).toHaveLength(1);
  });

  test.each<[string, Socks5Behaviour]>([
    ['its first bytes come in one piece with the answer of the proxy', { joined: true }],
    ['the proxy speaks a byte at a time', { slowly: true }],
    ['the proxy names itself by IPv6', { boundAs: 'ipv6' }],
    ['the proxy names itself by a name', { boundAs: 'name', slowly: true }],
  ])('is reached when %s', async (_how, behaviour) => {
    const recorder = await startV2();
    await uploaded(recorder.address, behaviour);
    expect(recorder.seen.body).toEqual(CAST);
  });

  test.each([
    ['recorder.tail1234.ts.net', 'name:recorder.tail1234.ts.net'],
    ['[fd7a:115c:a1e0::7]', `ipv6:fd7a115ca1e0${'0'.repeat(16)}0007`],
    ['[::]', `ipv6:${'0'.repeat(32)}`],
    ['[::ffff:100.64.0.2]', `ipv6:${'0'.repeat(20)}ffff64400002`],
    ['[1:2:3:4:5:6:7:8]', 'ipv6:00010002000300040005000600070008'],
  ])('%s is asked for as what it is', async (host, asked) => {
    const recorder = await startV2();
    const port = recorder.address.split(':')[1];
    const { socks5 } = await uploaded(`${host}:${port}`);
    expect(socks5.asked).toEqual([`${asked}:${port}`]);
  });
});

describe('a SOCKS5 proxy that does not lead there', () => {
  const failure = async (behaviour: Socks5Behaviour, recorder = '192.0.2.1:80', dialMs = 20_000) => {
    const socks5 = await startSocks5(behaviour);
    return { socks5, attempt: connectRecorder(recorder, { access: { socks5 }, limits: { dialMs } }) };
  };

  test.each<[string, Socks5Behaviour, string, string]>([
    ['another version', { greeting: '0400' }, 'protocol', 'does not speak SOCKS5'],
    ['no way without a credential', { greeting: '05ff' }, 'protocol', 'wants a credential'],
    ['nobody there', { answer: '05050001000000000000' }, 'refused', 'the connection was refused'],
    ['a reply of its own', { answer: '05630001000000000000' }, 'refused', 'it answered 99'],
    ['another version later', { answer: '48545450' }, 'protocol', 'does not speak SOCKS5'],
    ['no kind of address', { answer: '05000007000000000000' }, 'protocol', 'unknown kind'],
    ['the end', { answer: 'end' }, 'reset', 'closed the connection'],
    ['half an answer', { answer: '0500' }, 'reset', 'closed the connection'],
  ])('%s', async (_what, behaviour, kind, words) => {
    const { socks5, attempt } = await failure(behaviour);
    await expect(attempt).rejects.toMatchObject({
      name: 'RecorderError',
      kind,
      phase: 'connect',
      message: expect.stringContaining(words),
    });
    await socks5.hasNoSockets();
  });

  test.each<[string, Socks5Behaviour]>([
    ['its greeting', { greeting: 'never' }],
    ['its answer', { answer: 'never' }],
  ])('silence in place of %s ends by the limit', async (_what, behaviour) => {
    const { socks5, attempt } = await failure(behaviour, undefined, 100);
    await expect(attempt).rejects.toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('answer of the SOCKS5 proxy within 100 ms'),
    });
    await socks5.hasNoSockets();
  });

  test('an address with a zone has no form there', async () => {
    const { attempt } = await failure({}, '[fe80::1%eth0]:80');
    await expect(attempt).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringContaining('zone'),
    });
  });

  test('is not there, for events too', async () => {
    const [host = '', port] = (await deadAddress()).split(':');
    const socks5 = { host, port: Number(port), authority: '' };
    await expect(connectRecorder('192.0.2.1:80', { access: { socks5 } })).rejects.toMatchObject({
      kind: 'refused',
    });
    const event = await sendEvent('192.0.2.1:80', Buffer.from('{}'), undefined, { socks5 });
    expect(event).toMatchObject({ kind: 'failed', error: { kind: 'refused' } });
  });

  test('events wait no longer than their own limit, whoever is silent', async () => {
    const silent = await startTcp(() => {});
    for (const socks5 of [await startSocks5({ greeting: 'never' }), await startSocks5()]) {
      const event = await sendEvent(
        silent.address,
        Buffer.from('{}'),
        { probeMs: 100, postMs: 100 },
        { socks5 },
      );
      expect(event).toMatchObject({
        kind: 'failed',
        error: { message: expect.stringContaining('within 100 ms') },
      });
      await socks5.hasNoSockets();
    }
  });
});

async function startEvents() {
  const bodies: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', chunk => {
      body += String(chunk);
    });
    request.on('end', () => {
      if (request.method === 'POST') bodies.push(body);
      response.writeHead(200).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // A TCP server's address is an object.
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}
