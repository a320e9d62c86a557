import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WitnessError } from '../../../src/errors.ts';
import { answerError } from '../../../src/proxy/answer.ts';
import { answerAsItCame, answerErrorOnSocket } from '../../../src/relay/answer.ts';
import { rawClient, rawServer } from '../upstream/raw.ts';
import { linesOf, statusBody } from './forwarding.ts';

const REFUSAL = new WitnessError('KW_RECORDER_UNAVAILABLE', 'no recorder took session Zoë-1');

async function clientOf(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return rawClient(address.port);
}

/** A raw client whose socket is given to `answer` as soon as it has sent its head. */
async function clientOfSocket(answer: (socket: Socket) => Promise<void>) {
  const answered: Promise<void>[] = [];
  const { port, close } = await rawServer(async connection => {
    await connection.head();
    connection.socket.removeAllListeners('data');
    connection.socket.pause();
    answered.push(answer(connection.socket));
  });
  onTestFinished(close);
  const client = await rawClient(port);
  client.write('GET /exec HTTP/1.1\r\n\r\n');
  return { client, answered };
}

const FORBIDDEN = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: REFUSAL.message,
  reason: 'Forbidden',
  code: 403,
};

describe('an error of ours', () => {
  test('is a Status that ends the connection', async () => {
    const client = await clientOf((_request, response) => answerError(response, REFUSAL));
    client.write('GET / HTTP/1.1\r\nHost: p\r\n\r\n');
    const { head, status } = await statusBody(client);
    expect(head[0]).toBe('HTTP/1.1 403 Forbidden');
    expect(linesOf(head, 'content-type')).toEqual(['application/json']);
    expect(linesOf(head, 'connection')).toEqual(['close']);
    expect(JSON.stringify(status)).toBe(Buffer.from(JSON.stringify(FORBIDDEN), 'utf8').toString('latin1'));
    expect(await client.rest()).toBe('');
  });

  test('reaches a client that is still sending', async () => {
    const client = await clientOf((_request, response) => answerError(response, REFUSAL));
    client.write('POST / HTTP/1.1\r\nHost: p\r\nContent-Length: 5000000\r\n\r\n');
    const sent = new Promise(resolve => client.socket.write(Buffer.alloc(5_000_000), resolve));
    expect((await client.head())[0]).toBe('HTTP/1.1 403 Forbidden');
    expect(await sent).toBeFalsy();
    await client.left;
    expect(client.reset).toBe(false);
  });

  test('after an answer has begun is a cut', async () => {
    const client = await clientOf((_request, response) => {
      response.writeHead(200);
      response.write('begun');
      answerError(response, REFUSAL);
      answerError(response, REFUSAL);
    });
    client.write('GET / HTTP/1.1\r\nHost: p\r\n\r\n');
    expect(await client.rest()).not.toMatch(/0\r\n\r\n$/);
  });

  test('on a raw socket is the same Status', async () => {
    const { client, answered } = await clientOfSocket(socket => answerErrorOnSocket(socket, REFUSAL));
    client.write('early bytes that nobody reads');
    const { head, status } = await statusBody(client);
    expect(head[0]).toBe('HTTP/1.1 403 Forbidden');
    expect(linesOf(head, 'connection')).toEqual(['close']);
    expect(status).toMatchObject({ kind: 'Status', code: 403 });
    expect(await client.rest()).toBe('');
    expect(client.reset).toBe(false);
    client.socket.end();
    await Promise.all(answered);
  });

  test('on a socket that is gone is nothing', async () => {
    const { client, answered } = await clientOfSocket(async socket => {
      socket.destroy();
      await answerErrorOnSocket(socket, REFUSAL);
    });
    expect(await client.rest()).toBe('');
    await Promise.all(answered);
  });
});

describe("upstream's refusal of an upgrade", () => {
  /** Passes what an upstream writes to a raw client. */
  async function passed(write: string, then: 'keep' | 'end' | 'rst' = 'keep') {
    const upstream = await rawServer(async connection => {
      await connection.head();
      connection.socket.write(Buffer.from(write, 'latin1'), () => {
        if (then === 'end') connection.socket.end();
        if (then === 'rst') setImmediate(() => connection.rst());
      });
    });
    onTestFinished(upstream.close);
    const { client, answered } = await clientOfSocket(async socket => {
      const request = httpRequest({ port: upstream.port, host: '127.0.0.1', agent: false });
      request.on('error', () => {});
      request.end();
      const [response]: IncomingMessage[] = await once(request, 'response');
      if (response !== undefined) await answerAsItCame(socket, response);
    });
    return { client, answered, upstream };
  }

  test('of known length keeps its lines and its length, and frees upstream', async () => {
    const { client, answered, upstream } = await passed(
      'HTTP/1.1 403 No Way\r\nWarning: 299 - "a"\r\nwarning: 299 - "\xe4"\r\nKeep-Alive: x\r\nConnection: X-Hop\r\n' +
        'X-Hop: 1\r\nContent-Length: 6\r\n\r\nbody\xff!',
    );
    expect((await client.until('\r\n\r\n')).split('\r\n')).toEqual([
      'HTTP/1.1 403 No Way',
      'Warning: 299 - "a"',
      'warning: 299 - "\xe4"',
      'Content-Length: 6',
      'Connection: close',
      '',
      '',
    ]);
    expect(await client.rest()).toBe('body\xff!');
    client.socket.end();
    await Promise.all(answered);
    await upstream.connections[0]?.left;
  });

  test.each([
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n', 'keep' as const],
    ['up to the end', 'Connection: close\r\n\r\nbody', 'end' as const],
  ])('%s is whole, in chunks', async (_name, tail, then) => {
    const { client } = await passed(`HTTP/1.1 400 Bad Request\r\n${tail}`, then);
    expect(await client.head()).toEqual([
      'HTTP/1.1 400 Bad Request',
      'Transfer-Encoding: chunked',
      'Connection: close',
    ]);
    expect(await client.chunkedBody()).toBe('body');
    expect(await client.rest()).toBe('');
  });

  test('that is cut is cut', async () => {
    const { client, answered } = await passed(
      'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n',
      'rst',
    );
    expect(await client.rest()).not.toMatch(/0\r\n\r\n$/);
    await Promise.all(answered);
  });

  test('is given up when the client leaves', async () => {
    const { client, answered, upstream } = await passed(
      'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n',
    );
    await client.until('body');
    client.rst();
    await Promise.all(answered);
    await upstream.connections[0]?.left;
  });
});
