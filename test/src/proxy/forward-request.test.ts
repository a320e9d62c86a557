import { describe, expect, test } from 'vitest';
import type { RawConnection } from '../upstream/raw.ts';
import { forwarding, IDENTITY, linesOf, OK, OK_BODILESS, statusBody } from './forwarding.ts';

/** Reads one request with its body, by the framing it announces, and answers `ok`. */
async function serveOne(connection: RawConnection): Promise<{ head: string[]; body: string }> {
  const head = await connection.head();
  const [length] = linesOf(head, 'content-length');
  const chunked = linesOf(head, 'transfer-encoding')[0] === 'chunked';
  const body = chunked ? await connection.chunkedBody() : await connection.bytes(Number(length ?? 0));
  connection.write(head[0]?.startsWith('HEAD ') ? OK_BODILESS : OK);
  return { head, body };
}

describe('a forwarded request', () => {
  test('carries the planned lines and none of the client, whatever their names', async () => {
    const groups = ['Impersonate-Group', 'dev', 'Impersonate-Group', 'ops, eu', 'ACCEPT', 'application/json'];
    const { client, upstreams } = await forwarding(
      async connection => {
        await serveOne(connection);
      },
      { plan: { headers: [...IDENTITY, ...groups] }, upstream: { pathPrefix: '/k8s/clusters/x' } },
    );
    const connection = await client();
    connection.write(
      'GET /api/v1/pods?a=b HTTP/1.1\r\nHost: kubewitness\r\nAuthorization: Bearer client\r\nCookie: leak\r\n' +
        'X-Leak: leak\r\nImpersonate-Group: system:masters\r\nimpersonate_user: leak\r\nTE: trailers\r\n' +
        'Connection: keep-alive, Impersonate-User\r\nKeep-Alive: 5\r\nOrigin: leak\r\n\r\n',
    );
    expect((await connection.until('ok')).split('\r\n')[0]).toBe('HTTP/1.1 200 OK');
    const [upstream] = upstreams;
    expect(upstream?.text.split('\r\n')).toEqual([
      'GET /k8s/clusters/x/api/v1/pods?a=b HTTP/1.1',
      expect.stringMatching(/^Host: 127\.0\.0\.1:\d+$/),
      'Authorization: Bearer proxy-token',
      'Impersonate-User: jane',
      'Impersonate-Group: dev',
      'Impersonate-Group: ops, eu',
      'ACCEPT: application/json',
      'Connection: keep-alive',
      '',
      '',
    ]);
  });

  test.each([
    '/api/v1/namespaces/d/services/s/proxy//a//b',
    '/api/v1/namespaces/d/services/s/proxy/http://inner//x?u=https://y//z',
    "/api/v1/x?command=sh&command=-c&command=a%23b%26c+d%20%0A&command=&command='{}|^%60",
    '/api/v1/x?a=b#c?d=%2F//',
    '/a/../b/./c/%2e%2e/%2F',
    '/api?',
  ])('%s reaches upstream unchanged (B022)', async path => {
    const { client, upstreams } = await forwarding(async connection => {
      await serveOne(connection);
    });
    const connection = await client();
    connection.write(`GET ${path} HTTP/1.1\r\nHost: p\r\n\r\n`);
    await connection.until('ok');
    expect(upstreams[0]?.text.split('\r\n')[0]).toBe(`GET ${path} HTTP/1.1`);
  });

  test.each(['DELETE', 'GET', 'OPTIONS', 'HEAD', 'POST', 'PATCH'])(
    'a chunked body of %s stays a body (B085)',
    async method => {
      const smuggled = 'GET /api/v1/secrets HTTP/1.1\r\nHost: p\r\nImpersonate-User: system:admin\r\n\r\n';
      const seen: { head: string[]; body: string }[] = [];
      const { client } = await forwarding(async connection => {
        while (!connection.ended) seen.push(await serveOne(connection).catch(() => ({ head: [], body: '' })));
      });
      const connection = await client();
      connection.write(
        `${method} /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n` +
          `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
      );
      await connection.until('\r\n\r\n');
      connection.write(`PUT /second HTTP/1.1\r\nHost: p\r\nContent-Length: 1\r\n\r\nz`);
      await connection.until('\r\n\r\n');
      expect(seen.map(({ body }) => body)).toEqual([smuggled, 'z']);
      expect(seen.map(({ head }) => head[0])).toEqual([`${method} /x HTTP/1.1`, 'PUT /second HTTP/1.1']);
      for (const { head } of seen) expect(linesOf(head, 'impersonate-user')).toEqual(['jane']);
    },
  );

  test.each([
    ['a length', 'DELETE', 'Content-Length: 15\r\n\r\n{"kind":"DelOp"}'.slice(0, -1), ['15'], []],
    ['no body', 'GET', '\r\n', [], []],
    ['no body, of a method that has one', 'POST', '\r\n', ['0'], []],
    ['an empty chunked body', 'POST', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', [], ['chunked']],
  ])('%s is framed as it came', async (_name, method, tail, lengths, codings) => {
    const { client, upstreams } = await forwarding(async connection => {
      await serveOne(connection);
    });
    const connection = await client();
    connection.write(`${method} /x HTTP/1.1\r\nHost: p\r\n${tail}`);
    await connection.until('ok');
    const head = upstreams[0]?.text.split('\r\n\r\n')[0]?.split('\r\n') ?? [];
    expect(linesOf(head, 'content-length')).toEqual(lengths);
    expect(linesOf(head, 'transfer-encoding')).toEqual(codings);
  });

  test('another transfer coding is refused', async () => {
    const { client, upstreams } = await forwarding(() => {});
    const connection = await client();
    connection.write('POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n');
    expect((await statusBody(connection)).status).toMatchObject({ code: 400 });
    expect(upstreams).toEqual([]);
  });

  test.each([
    ['POST', '{}', 'Content-Length: 2\r\n'],
    ['GET', '', ''],
  ])(
    '%s with Expect: 100-continue has its 100, its identity and its body (B073)',
    async (method, body, line) => {
      const { client, upstreams } = await forwarding(async connection => {
        await serveOne(connection);
      });
      const connection = await client();
      connection.write(`${method} /x HTTP/1.1\r\nHost: p\r\nExpect: 100-continue\r\n${line}\r\n`);
      expect(await connection.head()).toEqual(['HTTP/1.1 100 Continue']);
      connection.write(body);
      expect((await connection.head())[0]).toBe('HTTP/1.1 200 OK');
      expect(upstreams[0]?.text).toMatch(/\r\nImpersonate-User: jane\r\n/);
      expect(upstreams[0]?.text).not.toMatch(/expect/i);
      expect(upstreams[0]?.text.endsWith(`\r\n\r\n${body}`)).toBe(true);
    },
  );

  test('requests that wait for a connection keep their identity (B073)', async () => {
    const { client, upstreams } = await forwarding(
      async connection => {
        for (;;) {
          const head = await connection.head().catch(() => undefined);
          if (head === undefined) return;
          connection.write(OK);
        }
      },
      { limits: { maxShortSockets: 1 } },
    );
    const clients = await Promise.all([client(), client(), client()]);
    for (const connection of clients) connection.write('GET /x HTTP/1.1\r\nHost: p\r\n\r\n');
    await Promise.all(clients.map(connection => connection.until('ok')));
    expect(upstreams).toHaveLength(1);
    expect(upstreams[0]?.text.match(/\r\nImpersonate-User: jane\r\n/g)).toHaveLength(3);
  });

  test('a header value that is not HTTP is an error of ours and sends nothing', async () => {
    const { client, upstreams } = await forwarding(() => {}, {
      plan: { headers: ['Impersonate-User', 'a\r\nImpersonate-Group: system:masters'] },
    });
    const connection = await client();
    connection.write('GET /x HTTP/1.1\r\nHost: p\r\n\r\n');
    expect((await statusBody(connection)).status).toMatchObject({ code: 500, kind: 'Status' });
    expect(upstreams).toEqual([]);
  });
});
