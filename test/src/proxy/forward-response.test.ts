import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { RawConnection } from '../upstream/raw.ts';
import { forwarding, linesOf, OK, statusBody } from './forwarding.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: p\r\n\r\n';

/** What the client reads when upstream answers with exactly these bytes. */
async function answerTo(answer: string, request = GET) {
  const rig = await forwarding(async connection => {
    await connection.head();
    connection.write(answer);
  });
  const connection = await rig.client();
  connection.write(request);
  return { ...rig, connection };
}

describe('a passed answer', () => {
  test('keeps repeated lines, case and order, and loses what concerns the other connection', async () => {
    const { connection } = await answerTo(
      'HTTP/1.1 200 All Fine\r\nDate: Wed, 25 Nov 2026 08:00:00 GMT\r\nWarning: 299 - "one"\r\nAudit-ID: 7\r\n' +
        'Warning: 299 - "t\xe4"\r\nX-Named: x\r\nConnection: x-named\r\nKeep-Alive: timeout=1\r\n' +
        'content-LENGTH: 2\r\n\r\nok',
    );
    const head = await connection.head();
    expect(head.slice(0, 6)).toEqual([
      'HTTP/1.1 200 All Fine',
      'Date: Wed, 25 Nov 2026 08:00:00 GMT',
      'Warning: 299 - "one"',
      'Audit-ID: 7',
      'Warning: 299 - "t\xe4"',
      'content-LENGTH: 2',
    ]);
    expect(head.filter(line => /^(date|x-named)/i.test(line))).toHaveLength(1);
    expect(linesOf(head, 'connection')).toEqual(['keep-alive']);
    expect(await connection.bytes(2)).toBe('ok');
  });

  test.each([
    ['a chunked body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n'],
    [
      'informational answers first',
      `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    ],
  ])('%s arrives whole', async (_name, answer) => {
    const { connection } = await answerTo(answer);
    expect((await connection.head())[0]).toBe('HTTP/1.1 200 OK');
    expect(await connection.chunkedBody()).toBe('abc');
  });

  test('trailers follow the body, repeats kept; those that would change its meaning do not', async () => {
    const { connection } = await answerTo(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n' +
        '0\r\nX-Sum: 1\r\nX-Sum: 2\r\nSet-Cookie: a=b\r\n\r\n',
    );
    await connection.head();
    await connection.until('0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n');
  });

  test('a HEAD keeps the length of what it did not get', async () => {
    const { connection } = await answerTo(
      'HTTP/1.1 200 OK\r\nContent-Length: 7000\r\n\r\n',
      'HEAD /x HTTP/1.1\r\nHost: p\r\n\r\n',
    );
    expect(linesOf(await connection.head(), 'content-length')).toEqual(['7000']);
    connection.write(GET);
  });

  test.each([204, 304])('%d has no body and no framing', async status => {
    const { connection } = await answerTo(`HTTP/1.1 ${status} X\r\nETag: "e"\r\n\r\n`);
    const head = await connection.head();
    expect(head[0]).toBe(`HTTP/1.1 ${status} X`);
    expect(linesOf(head, 'transfer-encoding')).toEqual([]);
  });

  test('headers of a watch come before its first event', async () => {
    const { connection, upstreams } = await answerTo(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      'GET /x?watch=1 HTTP/1.1\r\nHost: p\r\n\r\n',
    );
    expect((await connection.head())[0]).toBe('HTTP/1.1 200 OK');
    upstreams[0]?.write('5\r\nevent\r\n');
    expect(await connection.until('event\r\n')).toBe('5\r\nevent\r\n');
  });

  test.each([
    ['no reason', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 200],
    ['a 20 KB header', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\nContent-Length: 2\r\n\r\nok`, 200],
    ['a control byte', 'HTTP/1.1 200 OK\r\nWarning: 299 - "a\x01b"\r\nContent-Length: 2\r\n\r\nok', 502],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok', 502],
    ['no HTTP', 'SSH-2.0-x\r\n', 502],
    ['an unasked 101', 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n', 502],
    ['a bare 101', 'HTTP/1.1 101 S\r\n\r\n', 502],
  ])('%s is passed on or told as a Status, and the proxy lives (B089)', async (_name, answer, status) => {
    const { connection, client } = await answerTo(answer);
    const head = await connection.head();
    expect(head[0]).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const length = Number(linesOf(head, 'content-length')[0]);
    const body = await connection.bytes(length);
    if (status === 502) expect(JSON.parse(body)).toMatchObject({ kind: 'Status', code: 502 });
    const next = status === 502 ? await client() : connection;
    next.write(GET);
    if (status === 502) expect((await next.head())[0]).toMatch(/ 502 /);
  });
});

describe('an answer that is cut', () => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  test.each([
    ['a reset', 'rst' as const, `${head}2\r\nab\r\n`],
    ['an end in a chunk', 'end' as const, `${head}8\r\nab`],
    ['an end between chunks', 'end' as const, `${head}2\r\nab\r\n`],
    ['an end before the announced length', 'end' as const, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab'],
  ])('%s is no orderly end for the client either', async (_name, how, answer) => {
    const { client, upstreams } = await forwarding(async connection => {
      await connection.head();
      connection.write(answer);
    });
    const connection = await client();
    connection.write(GET.replace('/x', '/x?watch=1'));
    await connection.until('ab');
    if (how === 'rst') upstreams[0]?.rst();
    else upstreams[0]?.socket.end();
    await connection.left;
    expect(connection.text).not.toMatch(/0\r\n\r\n$/);
  });
});

async function thatHas(method: string, upstreams: readonly RawConnection[]): Promise<RawConnection> {
  for (;;) {
    const found = upstreams.find(({ text }) => text.startsWith(method) && text.includes('\r\n\r\n'));
    if (found !== undefined) return found;
    await new Promise(resolve => setImmediate(resolve));
  }
}

describe('failures before an answer', () => {
  test('a closed port is a 502 Status without its address', async () => {
    const { client, warnings } = await forwarding(() => {}, { upstream: { port: 1 } });
    const connection = await client();
    connection.write(GET);
    const { head, status } = await statusBody(connection);
    expect(head).toContain('Content-Type: application/json');
    expect(linesOf(head, 'connection')).toEqual(['close']);
    expect(status).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'the API server cannot be reached: the connection was refused',
      reason: 'BadGateway',
      code: 502,
    });
    expect(warnings).toEqual([
      { code: 'KW_UPSTREAM_UNREACHABLE', cause: expect.stringContaining('127.0.0.1') },
    ]);
    await connection.left;
  });

  test('headers that never come are a 504 Status; a watch waits (B083)', async () => {
    const { client, upstreams } = await forwarding(() => {}, { limits: { responseHeadersMs: 30 } });
    const watch = await client();
    watch.write(GET.replace('/x', '/x?watch=1'));
    const connection = await client();
    connection.write(GET);
    expect((await statusBody(connection)).status).toMatchObject({ code: 504, reason: 'Timeout' });
    expect(watch.text).toBe('');
    expect(upstreams.filter(({ ended }) => !ended).length).toBeGreaterThan(0);
  });

  test('time passes for watches, and for uploads that move (B083)', async () => {
    // Node's own timers are not among these.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { client, upstreams } = await forwarding(() => {});
    const watch = await client();
    watch.write(GET.replace('/x', '/x?watch=1'));
    const upload = await client();
    upload.write('POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 30\r\n\r\n');
    const receiver = await thatHas('POST', upstreams);
    await thatHas('GET', upstreams);
    await receiver.head();
    for (let minute = 0; minute < 30; minute++) {
      upload.write('x');
      await receiver.bytes(1);
      vi.advanceTimersByTime(60_000);
    }
    expect(watch.text + upload.text).toBe('');
    receiver.write(OK);
    expect((await upload.head())[0]).toBe('HTTP/1.1 200 OK');
    upstreams.find(other => other !== receiver)?.write(OK);
    expect((await watch.head())[0]).toBe('HTTP/1.1 200 OK');
  });

  test('an upload that stalls is told as such', async () => {
    const { client } = await forwarding(() => {}, { limits: { responseHeadersMs: 30 } });
    const connection = await client();
    connection.write('POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 20\r\n\r\nx');
    expect((await statusBody(connection)).status).toMatchObject({ code: 400 });
  });

  test('closing the forwarder ends what is under way', async () => {
    let arrived = (): void => {};
    const under = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const { client, closeForwarder } = await forwarding(async connection => {
      await connection.head();
      arrived();
    });
    const connection = await client();
    connection.write(GET);
    await under;
    closeForwarder();
    expect((await statusBody(connection)).status).toMatchObject({ code: 503 });
    const late = await client();
    late.write(GET);
    expect((await statusBody(late)).status).toMatchObject({ code: 503 });
  });
});
