import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { UpgradeAnswer, UpgradeRequest } from '../../../src/upstream/dial.ts';
import { dialUpgrade } from '../../../src/upstream/dial.ts';
import { withoutCredential } from '../../../src/upstream/target.ts';
import { plainUpstream } from './plain-upstream.ts';
import type { RawConnection, RawServer } from './raw.ts';
import { rawServer } from './raw.ts';

const EXEC = '/api/v1/namespaces/d/pods/p/exec?container=c&stdout=true&stderr=true&command=id';
const AS_ANN = ['Impersonate-User', 'ann'];
const SPDY = ['Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', ...AS_ANN];
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-A: 1\r\nx-a: 2\r\n\r\n';

async function upstreamThat(script: (connection: RawConnection) => Promise<void> | void): Promise<RawServer> {
  const server = await rawServer(script);
  onTestFinished(() => server.close());
  return server;
}

function dial(port: number, options: Partial<UpgradeRequest> = {}, prefix = ''): Promise<UpgradeAnswer> {
  return dialUpgrade(plainUpstream(port, { pathPrefix: prefix }), {
    method: 'POST',
    path: EXEC,
    headers: SPDY,
    signal: new AbortController().signal,
    timeoutMs: 20_000,
    ...options,
  });
}

async function upgraded(answer: Promise<UpgradeAnswer>) {
  const settled = await answer;
  if (settled.kind !== 'upgraded') throw new Error(`answered ${settled.response.statusCode}`);
  onTestFinished(() => {
    settled.socket.destroy();
  });
  return settled;
}

async function answered(answer: Promise<UpgradeAnswer>) {
  const settled = await answer;
  if (settled.kind !== 'answered') throw new Error('upgraded');
  return settled.response;
}

describe('a dialled upgrade', () => {
  test('a POST with SPDY/3.1 is sent as it is and joined (B001)', async () => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(SWITCH);
      connection.write(await connection.bytes(4));
    });
    const { socket, rawHeaders } = await upgraded(dial(port, {}, '/k8s/clusters/x'));
    socket.write('ping');
    const [echo] = await once(socket, 'data');
    expect(String(echo)).toBe('ping');
    expect(rawHeaders).toEqual(['Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', 'X-A', '1', 'x-a', '2']);
    expect(connections[0]?.text.split('\r\n\r\n')[0]?.split('\r\n')).toEqual([
      `POST /k8s/clusters/x${EXEC} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Authorization: Bearer proxy-token',
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      'Impersonate-User: ann',
      'Content-Length: 0',
    ]);
  });

  test('repeated lines stay lines, in order and as typed (B002)', async () => {
    const versions = ['v4', 'v3', 'v2', 'none'].flatMap(value => ['x-Stream-Protocol-Version', value]);
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(SWITCH);
    });
    await upgraded(dial(port, { headers: [...SPDY, ...versions] }));
    const lines = connections[0]?.text.split('\r\n').filter(line => /^x-stream/i.test(line));
    expect(lines).toEqual(['v4', 'v3', 'v2', 'none'].map(value => `x-Stream-Protocol-Version: ${value}`));
  });

  test("the caller's list cannot say who we are, whom we speak to, or how long a body is", async () => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(SWITCH);
    });
    const hostile = ['HOST', 'evil', 'authorization', 'Bearer stolen', 'content-length', '7'];
    await upgraded(dial(port, { method: 'GET', headers: [...SPDY, ...hostile, 'Transfer-Encoding', 'x'] }));
    expect(connections[0]?.text).not.toMatch(/evil|stolen|content-length|transfer-encoding/i);
    expect(connections[0]?.text.match(/^host:/gim)).toHaveLength(1);
  });

  test.each([
    ['nobody', []],
    ['somebody without a name', ['Impersonate-User', ' ']],
    ['a group', ['Impersonate-Group', 'dev']],
  ])('%s is not whom a request goes out as: the proxy itself would have made it', async (_name, lines) => {
    const { port, connections } = await upstreamThat(() => {});
    await expect(dial(port, { headers: lines })).rejects.toMatchObject({ code: 'KW_INTERNAL' });
    expect(connections).toEqual([]);
  });

  test('in noauth the caller says who asks, or nobody does', async () => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(SWITCH);
    });
    const upstream = withoutCredential(plainUpstream(port));
    const rest = { method: 'GET', path: EXEC, signal: new AbortController().signal, timeoutMs: 20_000 };
    for (const headers of [[], ['authorization', 'Bearer own', 'host', 'evil']]) {
      await upgraded(dialUpgrade(upstream, { ...rest, headers }));
    }
    const sent = connections.map(({ text }) => text.split('\r\n').filter(line => /^(host|auth)/i.test(line)));
    const host = `Host: 127.0.0.1:${port}`;
    expect(sent).toEqual([[host], [host, 'authorization: Bearer own']]);
  });

  test.each([
    "?command=sh&command=-c&command=a%23b%26c+d%20%0A&command=&command='{}|^%60&stdin=true",
    '?command=a#b',
    '//double?x=//y',
  ])('the target %s goes out unchanged (B022)', async tail => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(SWITCH);
    });
    const path = `/api/v1/namespaces/d/pods/p/exec${tail}`;
    await upgraded(dial(port, { path }));
    expect(connections[0]?.text.split('\r\n')[0]).toBe(`POST ${path} HTTP/1.1`);
  });

  test('bytes in one segment with the 101 are the head (B007)', async () => {
    const { port } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(`${SWITCH}\x82\x01\x01\x82\x03\x01hi`);
    });
    const { head } = await upgraded(dial(port));
    expect(head.toString('hex')).toBe('820101820301' + '6869');
  });

  test('informational answers before the 101 are passed over', async () => {
    const { port } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${SWITCH}`);
    });
    expect((await upgraded(dial(port))).rawHeaders).toContain('SPDY/3.1');
  });

  test('a reset after the 101 closes the socket and nothing else (B004)', async () => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(SWITCH);
    });
    const { socket } = await upgraded(dial(port));
    // Not by `once` of node:events, which would listen to errors as well.
    const closed = new Promise<void>(resolve => socket.on('close', () => resolve()));
    socket.resume();
    connections[0]?.rst();
    await closed;
    expect(socket.errored).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('a refused upgrade', () => {
  test.each([400, 403, 302])('%d comes back unread, as it came', async status => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write(
        `HTTP/1.1 ${status} Of Course\r\nLocation: http://evil/\r\nContent-Length: 4\r\n\r\nbody`,
      );
    });
    const response = await answered(dial(port));
    expect([response.statusCode, response.statusMessage]).toEqual([status, 'Of Course']);
    expect(String(Buffer.concat(await response.toArray()))).toBe('body');
    await connections[0]?.left;
    expect(connections).toHaveLength(1);
  });

  test('its connection is closed even where upstream keeps it open (B005)', async () => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write('HTTP/1.1 400 Bad Request\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n');
    });
    const first = await answered(dial(port));
    first.resume();
    await connections[0]?.left;
    expect(connections[0]?.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    await answered(dial(port)).then(response => response.destroy());
    expect(connections).toHaveLength(2);
  });

  test('destroying the answer ends the connection', async () => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n');
    });
    (await answered(dial(port))).destroy();
    await connections[0]?.left;
  });

  test('an abort while the answer is read ends the connection', async () => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      connection.write('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n');
    });
    const controller = new AbortController();
    await answered(dial(port, { signal: controller.signal }));
    controller.abort();
    await connections[0]?.left;
  });
});

describe('an upgrade without an answer', () => {
  test.each([
    ['a reset', (connection: RawConnection) => connection.rst(), 'KW_UPSTREAM_UNREACHABLE'],
    ['an orderly end', (connection: RawConnection) => connection.socket.end(), 'KW_UPSTREAM_UNREACHABLE'],
    ['no HTTP', (connection: RawConnection) => connection.write('SSH-2.0-x\r\n'), 'KW_UPSTREAM_PROTOCOL'],
    [
      'a 101 that switches to nothing',
      (connection: RawConnection) => connection.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
      'KW_UPSTREAM_PROTOCOL',
    ],
  ])('%s is told by its code', async (_name, act, code) => {
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      act(connection);
    });
    await expect(dial(port)).rejects.toMatchObject({ name: 'WitnessError', code });
    await connections[0]?.left;
  });

  test('a closed port is told without its address', async () => {
    const { port, close } = await rawServer(() => {});
    await close();
    const error: unknown = await dial(port).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'KW_UPSTREAM_UNREACHABLE',
      message: 'the API server cannot be reached: the connection was refused',
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('silence ends by the limit', async () => {
    const { port, connections } = await upstreamThat(() => {});
    await expect(dial(port, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'KW_UPSTREAM_TIMEOUT' });
    await connections[0]?.left;
  });

  test('an abort destroys the connection', async () => {
    const controller = new AbortController();
    const { port, connections } = await upstreamThat(async connection => {
      await connection.head();
      controller.abort();
    });
    await expect(dial(port, { signal: controller.signal })).rejects.toMatchObject({ name: 'WitnessError' });
    await connections[0]?.left;
  });

  test('an abort from before sends nothing', async () => {
    const { port, connections } = await upstreamThat(() => {});
    await expect(dial(port, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'WitnessError' });
    expect(connections).toEqual([]);
  });
});
