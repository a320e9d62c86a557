import { describe, expect, test } from 'vitest';
import type { RawConnection } from '../upstream/raw.ts';
import { forwarding, linesOf, OK, OK_BODILESS } from './forwarding.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: p\r\n\r\n';
const POST = 'POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 1\r\n\r\nx';
const WATCHES = Number(process.env['KW_TEST_WATCHES'] ?? 100);

describe('a client that leaves', () => {
  test.each([
    ['FIN', false],
    ['RST', false],
    ['FIN', true],
    ['RST', true],
  ])('by %s frees its watch upstream, chatty: %s (B082)', async (how, chatty) => {
    const { client, upstreams } = await forwarding(async connection => {
      await connection.head();
      connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n');
      const chat = (): void => {
        if (!connection.ended) connection.socket.write('5\r\nevent\r\n', () => setImmediate(chat));
      };
      if (chatty) chat();
    });
    const clients = await Promise.all(
      Array.from({ length: WATCHES }, async (): Promise<RawConnection> => {
        const connection = await client();
        connection.write(GET.replace('/x', '/x?watch=1'));
        await connection.until('event');
        return connection;
      }),
    );
    for (const connection of clients) {
      if (how === 'RST') connection.rst();
      else connection.socket.destroy();
    }
    await Promise.all(upstreams.map(({ left }) => left));
    expect(upstreams).toHaveLength(WATCHES);
  });

  test('3,000 idle watches are open at once, and all are freed', async () => {
    const count = 3_000;
    const { client, upstreams } = await forwarding(async connection => {
      await connection.head();
      connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    });
    const clients: RawConnection[] = [];
    // A listener's queue holds some hundred connections that are not yet accepted.
    for (let at = 0; at < count; at += 100) {
      clients.push(
        ...(await Promise.all(
          Array.from({ length: 100 }, async () => {
            const connection = await client();
            connection.write(GET.replace('/x', '/x?watch=1'));
            await connection.head();
            return connection;
          }),
        )),
      );
    }
    expect(upstreams).toHaveLength(count);
    expect(upstreams.filter(({ ended }) => ended)).toEqual([]);
    for (const { socket } of clients) socket.destroy();
    await Promise.all(upstreams.map(({ left }) => left));
  });

  test('before an answer frees its request upstream', async () => {
    const arrived: RawConnection[] = [];
    let tell = (): void => {};
    const all = new Promise<void>(resolve => {
      tell = resolve;
    });
    const { client } = await forwarding(async connection => {
      await connection.head();
      if (arrived.push(connection) === 3) tell();
    });
    const clients = await Promise.all([client(), client(), client()]);
    clients[0]?.write(GET);
    clients[1]?.write(POST.slice(0, -1));
    clients[2]?.write(POST);
    await all;
    for (const connection of clients) connection.rst();
    await Promise.all(arrived.map(({ left }) => left));
  });
});

describe('a kept connection that upstream has closed (B086)', () => {
  /** Serves one request, then drops the connection the moment a second one arrives on it. */
  async function serveOnce(connection: RawConnection, seen: string[]): Promise<void> {
    const [line = ''] = await connection.head();
    seen.push(line);
    connection.write(line.startsWith('HEAD ') ? OK_BODILESS : OK);
    await connection.until('\r\n\r\n').catch(() => '');
    connection.rst();
  }

  test.each([
    ['GET', GET],
    ['HEAD', GET.replace('GET', 'HEAD')],
  ])('%s is sent once more, on a fresh one', async (_method, request) => {
    const seen: string[] = [];
    const { client, upstreams } = await forwarding(connection => serveOnce(connection, seen));
    const connection = await client();
    for (let run = 0; run < 10; run++) {
      connection.write(request);
      expect((await connection.head())[0]).toBe('HTTP/1.1 200 OK');
      if (request === GET) await connection.bytes(2);
    }
    expect(seen).toHaveLength(10);
    expect(upstreams.length).toBeGreaterThanOrEqual(10);
  });

  test.each([
    ['POST', POST],
    ['DELETE without a body', GET.replace('GET', 'DELETE')],
  ])('%s is not', async (_method, request) => {
    const seen: string[] = [];
    const { client, upstreams } = await forwarding(connection => serveOnce(connection, seen));
    const connection = await client();
    connection.write(request);
    await connection.until('ok');
    connection.write(request);
    expect((await connection.head())[0]).toMatch(/ 502 /);
    expect(upstreams).toHaveLength(1);
  });

  test('GET is sent twice at most, and not when an answer had begun', async () => {
    const begun = await forwarding(async (connection, index) => {
      await connection.head();
      if (index === 0) connection.write(OK);
      await connection.until('\r\n\r\n').catch(() => '');
      connection.write('HTTP/1.1 200');
      connection.socket.end();
    });
    const first = await begun.client();
    first.write(GET);
    await first.until('ok');
    first.write(GET);
    expect((await first.head())[0]).toMatch(/ 502 /);
    expect(begun.upstreams).toHaveLength(1);

    const dead = await forwarding(async (connection, index) => {
      await connection.head();
      if (index === 0) connection.write(OK);
      else connection.rst();
      await connection.until('\r\n\r\n').catch(() => '');
      connection.rst();
    });
    const second = await dead.client();
    second.write(GET);
    await second.until('ok');
    second.write(GET);
    expect((await second.head())[0]).toMatch(/ 502 /);
    expect(dead.upstreams).toHaveLength(2);
  });

  test('idle connections are closed by us first', async () => {
    const { client, upstreams } = await forwarding(
      async connection => {
        await connection.head();
        connection.write(OK);
      },
      { limits: { idleSocketMs: 30 } },
    );
    const connection = await client();
    connection.write(GET);
    await connection.until('ok');
    await upstreams[0]?.left;
  });
});

describe('an early answer to an upload (B088)', () => {
  test.each([
    ['end', ['HTTP/1.1 413 Too Large']],
    ['keep', ['HTTP/1.1 413 Too Large']],
    // A write that fails before the answer was read takes the answer with it: Node closes the connection at once.
    ['reset', ['HTTP/1.1 413 Too Large', 'HTTP/1.1 502 Bad Gateway']],
  ])('reaches the client when upstream stops reading by %s', async (how, possible) => {
    const total = 5 * 1024 * 1024;
    const { client } = await forwarding(async connection => {
      await connection.head();
      await connection.bytes(64 * 1024);
      connection.socket.pause();
      connection.socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig', () => {
        if (how === 'reset') connection.rst();
        else if (how === 'end') connection.socket.end();
        else connection.socket.resume();
      });
    });
    const connection = await client();
    connection.write(`POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: ${total}\r\n\r\n`);
    connection.socket.write(Buffer.alloc(total, 'x'));
    const head = await connection.head();
    expect(possible).toContain(head[0]);
    const body = await connection.bytes(Number(linesOf(head, 'content-length')[0]));
    expect(body === 'big' || body.includes('"kind":"Status"')).toBe(true);
  });

  test('leaves the connection of the client usable once the upload is over', async () => {
    // More than all buffers on the way take.
    const total = 32 * 1024 * 1024;
    const { client } = await forwarding(async (connection, index) => {
      await connection.head();
      if (index > 0) {
        connection.write(OK);
        return;
      }
      await connection.bytes(1024);
      connection.socket.pause();
      connection.socket.end('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig');
    });
    const connection = await client();
    connection.write(`POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: ${total}\r\n\r\n`);
    connection.socket.write(Buffer.alloc(total, 'x'));
    expect((await connection.head())[0]).toBe('HTTP/1.1 413 Too Large');
    await connection.bytes(3);
    connection.write(GET);
    expect((await connection.head())[0]).toBe('HTTP/1.1 200 OK');
  });
});
