import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CapabilityRule } from '../../../src/policy/rules.ts';
import type { RawConnection } from '../upstream/raw.ts';
import { statusBody } from './forwarding.ts';
import type { Ask } from './tunnelling.ts';
import { ask, ENFORCING, switched, tunnelling } from './tunnelling.ts';

const POD = '/api/v1/namespaces/d/pods/p';
const ALLOWING: CapabilityRule = { ...ENFORCING, unrecordable: 'audit' };

const DIRECT: Ask = { method: 'POST', path: `${POD}/portforward`, spdy: 'portforward.k8s.io' };
const TUNNEL: Ask = { path: `${POD}/portforward`, websocket: 'SPDY/3.1+portforward.k8s.io' };
const CHANNELS: Ask = { path: `${POD}/portforward?ports=80,81`, websocket: 'v4.channel.k8s.io' };

const ROADS: readonly (readonly [string, Ask])[] = [
  ['port-forward over SPDY', DIRECT],
  ['port-forward in a tunnel', TUNNEL],
  ['port-forward by channels', CHANNELS],
  ['port-forward by channels in base64', { ...CHANNELS, websocket: 'v4.base64.channel.k8s.io' }],
  ['pods/proxy', { path: `${POD}:8080/proxy/ws?a=b`, websocket: 'graphql-ws' }],
  ['services/proxy', { path: '/api/v1/namespaces/d/services/https:s:443/proxy/a//b', websocket: '' }],
  ['nodes/proxy', { method: 'POST', path: '/api/v1/nodes/n/proxy/exec/d/p/c', spdy: 'v4.channel.k8s.io' }],
  [
    'the console of another API',
    {
      path: '/apis/subresources.kubevirt.io/v1/namespaces/d/virtualmachineinstances/v/console',
      websocket: 'plain.kubevirt.io',
    },
  ],
];
const PLAIN: readonly (readonly [string, Ask])[] = [
  ['a watch', { path: '/api/v1/pods?watch=true', websocket: '' }],
  ['a log', { path: `${POD}/log?follow=true`, websocket: 'base64.binary.k8s.io' }],
];

/** Upstream that agrees, and gives everything back. */
function echo(agreed: Ask): (connection: RawConnection) => Promise<void> {
  return async connection => {
    await connection.head();
    connection.write(switched(agreed));
    connection.socket.on('end', () => connection.socket.end());
    connection.socket.pipe(connection.socket, { end: false });
  };
}

/** Upstream that nobody may reach. */
const nobody = (): never => {
  throw new Error('something was sent upstream');
};

function latch(): [opened: Promise<void>, open: () => void] {
  let open = (): void => {};
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  return [opened, () => open()];
}

describe('an upgrade that is no session', () => {
  test.each([...ROADS, ...PLAIN])('%s passes untouched without enforcement', async (_name, wanted) => {
    const rig = await tunnelling([], echo(wanted));
    const client = await rig.client();
    const bytes = randomBytes(10_000).toString('latin1');
    client.write(ask(wanted) + bytes);
    expect((await client.head())[0]).toBe('HTTP/1.1 101 Switching Protocols');
    expect(await client.bytes(bytes.length)).toBe(bytes);
    client.socket.end();
    expect(await client.rest()).toBe('');
    const ended = await rig.audited('tunnel.ended');
    expect(rig.audit).toMatchObject([
      { type: 'tunnel.started', subject: { user: 'ann' }, path: wanted.path.split('?')[0] },
      { type: 'tunnel.ended', cause: 'clientEnded' },
    ]);
    // The API server's audit line has that id, so the two can be laid side by side.
    const [started] = rig.audit;
    if (started?.type !== 'tunnel.started' || ended.type !== 'tunnel.ended') throw new Error('other records');
    expect(ended.tunnelId).toBe(started.tunnelId);
    expect(rig.upstreams[0]?.text).toContain(`\r\nAudit-ID: ${started.tunnelId}\r\n`);
    expect(rig.upstreams[0]?.text.startsWith(`${wanted.method ?? 'GET'} ${wanted.path} HTTP/1.1\r\n`)).toBe(
      true,
    );
  });

  test.each(ROADS)(
    '%s is refused under enforcement, by its rule, before anything goes upstream',
    async (_name, wanted) => {
      const rig = await tunnelling([ENFORCING], nobody);
      const client = await rig.client();
      client.write(ask(wanted));
      const { head, status } = await statusBody(client);
      expect(head[0]).toContain(' 403 ');
      expect(status).toMatchObject({
        kind: 'Status',
        reason: 'Forbidden',
        message: expect.stringContaining('"unrecordable: audit" in grants[7]'),
      });
      expect(rig.audit).toEqual([
        expect.objectContaining({
          type: 'request.refused',
          code: 'KW_FORBIDDEN',
          subject: expect.objectContaining({ user: 'ann' }),
        }),
      ]);
      expect(rig.upstreams).toHaveLength(0);
    },
  );

  test.each(ROADS)('%s passes under "unrecordable: audit", with its two records', async (_name, wanted) => {
    const rig = await tunnelling([ALLOWING], async connection => {
      // What is audited first cannot be lost to a crash after it.
      expect(rig.audit).toMatchObject([{ type: 'request.unrecordable' }]);
      await echo(wanted)(connection);
    });
    const client = await rig.client();
    client.write(`${ask(wanted)}hello`);
    await client.head();
    await client.bytes(5);
    client.socket.end();
    const ended = await rig.audited('tunnel.ended');
    expect(rig.audit).toHaveLength(2);
    const [path] = wanted.path.split('?');
    const start = rig.audit[0];
    expect(start).toMatchObject({
      subject: { user: 'ann' },
      method: wanted.method ?? 'GET',
      path,
      rule: 'grants[7]',
    });
    expect(ended).toMatchObject({
      path,
      ports: wanted.path.includes('ports=') ? ['80', '81'] : 'unknown',
      bytesToUpstream: 5,
      bytesToClient: 5,
      cause: 'clientEnded',
    });
    if (start?.type !== 'request.unrecordable' || ended.type !== 'tunnel.ended')
      throw new Error('other records');
    expect(ended.tunnelId).toBe(start.tunnelId);
    expect(rig.upstreams[0]?.text).toContain(`\r\nAudit-ID: ${start.tunnelId}\r\n`);
    expect(rig.logged).toEqual([
      expect.objectContaining({
        transport: wanted.spdy === undefined ? 'websocket' : 'spdy',
        bytesToClient: 5,
      }),
    ]);
  });

  test.each([
    ['h2c on a list', { path: '/api/v1/pods', lines: [] }, 'h2c'],
    ['an unknown token', { path: `${POD}/proxy` }, 'foo'],
    ['WebSocket on an object', { path: POD, websocket: '' }, undefined],
    ['SPDY on a watch', { path: '/api/v1/pods?watch=1', spdy: 'x' }, undefined],
    ['a debug container', { method: 'PATCH', path: `${POD}/ephemeralcontainers`, spdy: 'x' }, undefined],
  ])('%s is refused for everyone (B010)', async (_name, wanted, token) => {
    const rig = await tunnelling([], nobody);
    const client = await rig.client();
    const text = ask(wanted);
    client.write(token === undefined ? text : text.replace('websocket', token));
    expect((await statusBody(client)).head[0]).toContain(' 400 ');
    expect(rig.upstreams).toHaveLength(0);
  });

  test('goes upstream as the caller, with an upgrade of ours and no token (B014, B079)', async () => {
    const rig = await tunnelling([], echo({ websocket: 'x', path: '' }));
    const client = await rig.client();
    client.write(
      ask({
        path: `${POD}/proxy/`,
        websocket: 'base64url.bearer.authorization.k8s.io.c2VjcmV0, x',
        lines: [
          'Authorization: Bearer secret',
          'Sec-WebSocket-Extensions: permessage-deflate',
          'User-Agent: test',
          'Cookie: a=b',
        ],
      }),
    );
    await client.head();
    const sent = (rig.upstreams[0]?.text ?? '').split('\r\n');
    expect(sent).toEqual([
      `GET ${POD}/proxy/ HTTP/1.1`,
      expect.stringMatching(/^Host: /),
      'Authorization: Bearer proxy-token',
      'User-Agent: test',
      expect.stringMatching(/^Audit-ID: [0-9a-f-]{36}$/),
      expect.stringMatching(/^X-Forwarded-For: /),
      'Impersonate-User: ann',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Protocol: x',
      '',
      '',
    ]);
  });

  test("upstream's 101 keeps its lines, and cannot say that something is recorded", async () => {
    const rig = await tunnelling([], async connection => {
      await connection.head();
      const lines = ['X-A: 1', 'X-A: 2', 'Kubewitness-Recording: forged', 'Keep-Alive: timeout=1'];
      // The first bytes come in one piece with the answer (B007).
      connection.write(`${switched(TUNNEL, lines)}first`);
    });
    const client = await rig.client();
    client.write(ask(TUNNEL));
    expect(await client.head()).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      expect.stringMatching(/^Sec-WebSocket-Accept: /),
      'Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io',
      'X-A: 1',
      'X-A: 2',
    ]);
    expect(await client.bytes(5)).toBe('first');
  });

  test.each([
    ['another subprotocol', switched({ websocket: 'v5.channel.k8s.io' })],
    ['another token', switched({ spdy: 'portforward.k8s.io' })],
    ['an extension', switched(TUNNEL, ['Sec-WebSocket-Extensions: permessage-deflate'])],
    ['another handshake', switched(TUNNEL).replace('s3pP', 'xxxx')],
  ])('%s in the 101 is a fault of upstream', async (_name, answer) => {
    const rig = await tunnelling([ALLOWING], async connection => {
      await connection.head();
      connection.write(answer);
      await connection.left;
    });
    const client = await rig.client();
    client.write(ask(TUNNEL));
    expect((await statusBody(client)).head[0]).toContain(' 502 ');
    client.socket.end();
    expect(await rig.audited('tunnel.ended')).toMatchObject({ cause: 'upstreamFailed', bytesToClient: 0 });
  });

  test('a refusal of upstream goes back as it came, and joins nothing (B005)', async () => {
    const rig = await tunnelling([ALLOWING], async connection => {
      await connection.head();
      connection.write('HTTP/1.1 404 Not Found\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 4\r\n\r\ngone');
      await connection.left;
    });
    const client = await rig.client();
    client.write(`${ask(DIRECT)}GET /api/v1/secrets HTTP/1.1\r\nHost: h\r\n\r\n`);
    const head = await client.head();
    expect(head[0]).toBe('HTTP/1.1 404 Not Found');
    expect(head.filter(line => line.startsWith('X-A'))).toEqual(['X-A: 1', 'X-A: 2']);
    expect(await client.bytes(4)).toBe('gone');
    client.socket.end();
    expect(await rig.audited('tunnel.ended')).toMatchObject({ cause: 'refusedUpstream', bytesToUpstream: 0 });
    expect(rig.upstreams).toHaveLength(1);
    expect(rig.upstreams[0]?.text).not.toContain('secrets');
  });

  test('a client that leaves before the answer ends the dial (B091)', async () => {
    const [isDialled, dialled] = latch();
    const rig = await tunnelling([ALLOWING], async connection => {
      await connection.head();
      dialled();
      await connection.left;
    });
    const client = await rig.client();
    client.write(ask(TUNNEL));
    await isDialled;
    client.rst();
    expect(await rig.audited('tunnel.ended')).toMatchObject({ cause: 'clientLeft' });
    await rig.upstreams[0]?.left;
    expect(rig.tunnels.liveCount).toBe(0);
  });

  test('10 MB both ways at once are hash-equal (B020)', async () => {
    const size = 10 * 1024 * 1024;
    const [up, down] = [randomBytes(size), randomBytes(size)];
    const rig = await tunnelling([], async connection => {
      await connection.head();
      connection.write(switched(TUNNEL));
      connection.socket.write(down);
    });
    const client = await rig.client();
    client.write(ask(TUNNEL));
    await client.head();
    client.socket.write(up);
    const received = await client.bytes(size);
    const [server] = rig.upstreams;
    if (server === undefined) throw new Error('no upstream');
    const arrived = await server.bytes(size);
    const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(sha256(Buffer.from(received, 'latin1'))).toBe(sha256(down));
    expect(sha256(Buffer.from(arrived, 'latin1'))).toBe(sha256(up));
  });

  test('the shutdown ends live tunnels and those under way, and refuses the next (B097)', async () => {
    const [isDialled, dialled] = latch();
    const rig = await tunnelling([ALLOWING], async (connection, index) => {
      await connection.head();
      if (index === 0) connection.write(switched(TUNNEL));
      else dialled();
      await connection.left;
    });
    const [joined, waiting, late] = [await rig.client(), await rig.client(), await rig.client()];
    joined.write(ask(TUNNEL));
    await joined.head();
    waiting.write(ask(TUNNEL));
    await isDialled;
    expect(rig.tunnels.liveCount).toBe(2);
    rig.tunnels.close();
    await Promise.all([joined.left, waiting.left, ...rig.upstreams.map(({ left }) => left)]);
    expect(await rig.audited('tunnel.ended')).toMatchObject({ cause: 'stopped' });
    late.write(ask(TUNNEL));
    expect((await statusBody(late)).head[0]).toContain(' 503 ');
    expect(rig.upstreams).toHaveLength(2);
  });

  test('a draining proxy takes no new tunnel', async () => {
    const rig = await tunnelling([], nobody);
    rig.sessions.draining = true;
    const client = await rig.client();
    client.write(ask(TUNNEL));
    expect((await statusBody(client)).head[0]).toContain(' 503 ');
  });
});

describe('the same roads without an upgrade', () => {
  const ORDINARY: readonly (readonly [string, string])[] = [
    ['POST', '/api/v1/nodes/n/proxy/run/d/p/c?cmd=id'],
    ['GET', '/api/v1/nodes/n/proxy/pods'],
    ['GET', '/api/v1/nodes/n/log'],
    ['PATCH', `${POD}/ephemeralcontainers`],
    ['PUT', `${POD}/ephemeralcontainers`],
    ['GET', `${POD}:8080/proxy/`],
    ['POST', '/api/v1/namespaces/d/services/s/proxy/run'],
    ['POST', '/apis/cluster.karmada.io/v1alpha1/clusters/c/proxy/api/v1/namespaces/d/pods/p/exec'],
  ];
  const send = ([method, path]: readonly [string, string]): string =>
    `${method} ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n`;

  test.each(ORDINARY)('%s %s is refused under enforcement', async (...wanted) => {
    const rig = await tunnelling([ENFORCING], nobody);
    const client = await rig.client();
    client.write(send(wanted));
    const { head, status } = await statusBody(client);
    expect(head[0]).toContain(' 403 ');
    expect(status).toMatchObject({ message: expect.stringContaining('"unrecordable: audit" in grants[7]') });
    expect(rig.upstreams).toHaveLength(0);
  });

  test.each(ORDINARY)('%s %s passes audited once where the rule allows it', async (...wanted) => {
    const rig = await tunnelling([ALLOWING], async connection => {
      expect(rig.audit).toHaveLength(1);
      await connection.head();
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const client = await rig.client();
    client.write(send(wanted));
    expect((await client.head())[0]).toContain(' 200 ');
    expect(rig.audit).toEqual([
      {
        type: 'request.unrecordable',
        subject: expect.objectContaining({ user: 'ann' }),
        method: wanted[0],
        path: wanted[1].split('?')[0],
        class: expect.any(String),
        rule: 'grants[7]',
      },
    ]);
  });

  test('reading the debug containers of a pod is no road', async () => {
    const rig = await tunnelling([ENFORCING], async connection => {
      await connection.head();
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const client = await rig.client();
    client.write(send(['GET', `${POD}/ephemeralcontainers`]));
    expect((await client.head())[0]).toContain(' 200 ');
  });

  test('port-forward without a clean upgrade goes nowhere', async () => {
    const rig = await tunnelling([], nobody);
    const client = await rig.client();
    client.write(
      `POST ${POD}/portforward HTTP/1.1\r\nHost: h\r\nConnection: x-upgrade-y\r\nUpgrade: SPDY/3.1\r\n` +
        'X-Stream-Protocol-Version: portforward.k8s.io\r\nContent-Length: 0\r\n\r\n',
    );
    expect((await statusBody(client)).head[0]).toContain(' 400 ');
  });
});
