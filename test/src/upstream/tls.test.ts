import { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { dialUpgrade } from '../../../src/upstream/dial.ts';
import { probeUpstream } from '../../../src/upstream/probe.ts';
import type { TlsOptions, Upstream } from '../../../src/upstream/target.ts';
import { forwarding, OK } from '../proxy/forwarding.ts';
import { plainUpstream } from './plain-upstream.ts';
import type { RawConnection, RawServer } from './raw.ts';
import { rawServer } from './raw.ts';
import type { Authority } from './tls-upstream.ts';
import { authority, seenBy, tlsServer } from './tls-upstream.ts';

const NAME = 'kubernetes.default.svc';
let ours: Authority;
let good: TlsOptions;

beforeAll(async () => {
  ours = await authority();
  good = { ...(await ours.issue('proxy')), ca: ours.caPem, servername: NAME, rejectUnauthorized: true };
});

function secure(port: number, tls: Partial<TlsOptions> = {}): Upstream {
  return plainUpstream(port, { secure: true, tlsOptions: () => ({ ...good, ...tls }) });
}

async function tlsUpstream(script: (connection: RawConnection) => Promise<void> | void): Promise<RawServer> {
  const server = await rawServer(script, await tlsServer(NAME, ours));
  onTestFinished(server.close);
  return server;
}

function dial(upstream: Upstream) {
  return dialUpgrade(upstream, {
    method: 'GET',
    path: '/exec',
    headers: ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Impersonate-User', 'ann'],
    signal: new AbortController().signal,
    timeoutMs: 20_000,
  });
}

const SEEN = { client: 'proxy', servername: NAME, protocol: 'http/1.1' };

describe('TLS towards upstream', () => {
  test('an upgrade goes out with our certificate, under the configured name, on HTTP/1.1', async () => {
    const { port, connections } = await tlsUpstream(async connection => {
      await connection.head();
      connection.write('HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi');
    });
    const answer = await dial(secure(port));
    expect(answer.kind === 'upgraded' && String(answer.head)).toBe('hi');
    if (answer.kind === 'upgraded') answer.socket.destroy();
    const socket = connections[0]?.socket;
    expect(socket instanceof TLSSocket && seenBy(socket)).toEqual(SEEN);
  });

  test('so does a forwarded request', async () => {
    const { port, connections } = await tlsUpstream(async connection => {
      await connection.head();
      connection.write(OK);
    });
    const { client } = await forwarding(() => {}, { upstream: secure(port) });
    const connection = await client();
    connection.write('GET /x HTTP/1.1\r\nHost: p\r\n\r\n');
    expect((await connection.head())[0]).toBe('HTTP/1.1 200 OK');
    const socket = connections[0]?.socket;
    expect(socket instanceof TLSSocket && seenBy(socket)).toEqual(SEEN);
  });

  test('a new certificate is used for new connections', async () => {
    const { port, connections } = await tlsUpstream(async connection => {
      for (;;) {
        if ((await connection.head().catch(() => undefined)) === undefined) return;
        connection.write(OK);
      }
    });
    let now = good;
    const { client } = await forwarding(() => {}, { upstream: { ...secure(port), tlsOptions: () => now } });
    const connection = await client();
    connection.write('GET /x HTTP/1.1\r\nHost: p\r\n\r\n');
    await connection.until('ok');
    now = { ...good, ...(await ours.issue('rotated')) };
    connection.write('GET /x HTTP/1.1\r\nHost: p\r\n\r\n');
    await connection.until('ok');
    const names = connections.map(({ socket }) => socket instanceof TLSSocket && seenBy(socket).client);
    expect(names).toEqual(['proxy', 'rotated']);
  });

  test.each<[string, () => Promise<Partial<TlsOptions>>, RegExp]>([
    ['an authority that is not ours', async () => ({ ca: (await authority()).caPem }), /is not trusted/],
    ['another name', async () => ({ servername: 'other.svc' }), /is not trusted/],
  ])('%s is not trusted', async (_name, wrong, words) => {
    const { port } = await tlsUpstream(() => {});
    const upstream = secure(port, await wrong());
    await expect(dial(upstream)).rejects.toMatchObject({
      code: 'KW_UPSTREAM_UNREACHABLE',
      message: expect.stringMatching(words),
    });
    await expect(probeUpstream(upstream, { timeoutMs: 20_000 })).rejects.toThrow(words);
    const { client } = await forwarding(() => {}, { upstream });
    const connection = await client();
    connection.write('GET /x HTTP/1.1\r\nHost: p\r\n\r\n');
    expect((await connection.head())[0]).toBe('HTTP/1.1 502 Bad Gateway');
  });

  test('without verification any certificate will do', async () => {
    const { port } = await tlsUpstream(async connection => {
      await connection.head();
      connection.write(OK);
    });
    const upstream = secure(port, { ca: undefined, servername: undefined, rejectUnauthorized: false });
    await probeUpstream(upstream, { timeoutMs: 20_000 });
  });
});

describe('a probe', () => {
  test.each([
    ['200 OK', undefined],
    ['403 Forbidden', undefined],
    ['401 Unauthorized', /does not accept our credential \(401\)$/],
    ['503 X', /answered 503 to GET \/version$/],
    ['302 Found', /answered 302/],
  ])('of an upstream that answers %s', async (status, problem) => {
    const server = await rawServer(async connection => {
      expect((await connection.head()).slice(0, 3)).toEqual([
        'GET /prefix/version HTTP/1.1',
        expect.stringMatching(/^Host: /),
        'Authorization: Bearer proxy-token',
      ]);
      connection.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    });
    onTestFinished(server.close);
    const probe = probeUpstream(plainUpstream(server.port, { pathPrefix: '/prefix' }), { timeoutMs: 20_000 });
    if (problem === undefined) await probe;
    else await expect(probe).rejects.toThrow(problem);
  });

  test.each<[string, (connection: RawConnection) => void, number, RegExp]>([
    ['is silent', () => {}, 20, /^the API server at 127\.0\.0\.1:\d+ did not answer within 20 ms$/],
    ['hangs up', connection => connection.rst(), 20_000, /closed the connection before it answered$/],
    ['speaks something else', connection => connection.write('SSH-2.0-x\r\n'), 20_000, /does not speak HTTP/],
  ])('of an upstream that %s', async (_name, act, timeoutMs, problem) => {
    const server = await rawServer(act);
    onTestFinished(server.close);
    await expect(probeUpstream(plainUpstream(server.port), { timeoutMs })).rejects.toThrow(problem);
  });

  test('of plain HTTP where TLS is configured, and of a closed port', async () => {
    const server = await rawServer(async connection => {
      await connection.bytes(1);
      connection.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const upstream = secure(server.port);
    await expect(probeUpstream(upstream, { timeoutMs: 20_000 })).rejects.toThrow(/TLS handshake failed$/);
    await server.close();
    await expect(probeUpstream(upstream, { timeoutMs: 20_000 })).rejects.toThrow(
      /at 127\.0\.0\.1:\d+ cannot be used: the connection was refused$/,
    );
  });
});
