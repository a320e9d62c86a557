import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer as createHttpServer, request as requestHttp } from 'node:http';
import { createServer as createHttpsServer, request as requestHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { parseCertificatePair } from '../../../src/tailscale/certificate-pair.ts';
import type { ProxiedConnections, ProxiedOptions } from '../../../src/tailscale/proxy-listener.ts';
import { acceptProxied } from '../../../src/tailscale/proxy-listener.ts';
import { trustedAddresses } from '../../../src/tailscale/trusted-addresses.ts';
import { pairText } from './certificates.ts';

const HEADER = 'PROXY TCP4 100.64.0.7 100.64.0.1 40000 443\r\n';
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
const pair = parseCertificatePair(await pairText(Date.now() - 3_600_000, Date.now() + 3_600_000));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Front {
  readonly proxied: ProxiedConnections;
  readonly port: number;
  readonly dropped: string[];
  /** Resolves with the reason of the next drop. */
  nextDrop(): Promise<string>;
}

async function inFront(server: HttpServer, options: Partial<ProxiedOptions> = {}): Promise<Front> {
  const dropped: string[] = [];
  const waiting: ((why: string) => void)[] = [];
  const proxied = acceptProxied(server, {
    isTrusted: trustedAddresses(['127.0.0.1']),
    log: {
      warn: fields => {
        const why = 'why' in fields ? String(fields.why) : '';
        dropped.push(why);
        waiting.shift()?.(why);
      },
    },
    ...options,
  });
  proxied.listener.listen(0, '127.0.0.1');
  await once(proxied.listener, 'listening');
  closing.push(() => {
    proxied.close();
    server.closeAllConnections();
  });
  // The test listens on TCP only.
  const { port } = proxied.listener.address() as AddressInfo;
  return { proxied, port, dropped, nextDrop: () => new Promise(resolve => waiting.push(resolve)) };
}

/** A server that answers with whom it takes its client for. */
function telling(create: typeof createHttpServer | (() => HttpServer) = createHttpServer) {
  const server = create();
  let front: Front | undefined;
  server.on('request', (request, response) => {
    response.end(JSON.stringify(front?.proxied.remoteEndOf(request.socket) ?? null));
  });
  return {
    server,
    start: async (options: Partial<ProxiedOptions> = {}): Promise<Front> => {
      front = await inFront(server, options);
      return front;
    },
  };
}

const https = () => createHttpsServer({ cert: pair.cert, key: pair.key });

async function dial(port: number, ...pieces: (string | Buffer)[]): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.setNoDelay(true);
  await once(socket, 'connect');
  for (const piece of pieces) await new Promise<void>(resolve => socket.write(piece, () => resolve()));
  return socket;
}

/** Unlike `once`, deaf to the reset that comes before. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.once('close', () => resolve()));
}

/** What a server says on a connection that has sent its PROXY header. */
async function ask(socket: Socket, secure: boolean): Promise<unknown> {
  const createConnection = () =>
    secure ? connectTls({ socket, rejectUnauthorized: false, servername: 'kube.tail1234.ts.net' }) : socket;
  const request = (secure ? requestHttps : requestHttp)({
    createConnection,
    headers: { Connection: 'close' },
  });
  request.end();
  const [response] = await once(request, 'response');
  let text = '';
  for await (const piece of response) text += String(piece);
  return JSON.parse(text);
}

describe.each([
  ['HTTP', false, createHttpServer],
  ['HTTPS', true, https],
] as const)('behind a PROXY listener, a server of %s', (_name, secure, create) => {
  test('knows its client by the header', async () => {
    const { start } = telling(create);
    const { port } = await start();
    const socket = await dial(port, HEADER);
    expect(await ask(socket, secure)).toEqual({ address: '100.64.0.7', port: 40_000 });
  });

  test('reads a header that comes byte by byte', async () => {
    const { start } = telling(create);
    const { port } = await start();
    const socket = await dial(port, ...HEADER);
    expect(await ask(socket, secure)).toEqual({ address: '100.64.0.7', port: 40_000 });
  });

  test('knows the sender itself when the header is about itself', async () => {
    const { start } = telling(create);
    const { port } = await start();
    const socket = await dial(port, LOCAL);
    expect(await ask(socket, secure)).toEqual({ address: '127.0.0.1', port: socket.localPort });
  });

  test('keeps connections apart', async () => {
    const { start } = telling(create);
    const { port } = await start();
    const sockets = await Promise.all([1, 2, 3].map(n => dial(port, HEADER.replace('40000', String(n)))));
    const answers = await Promise.all(sockets.map(socket => ask(socket, secure)));
    expect(answers).toEqual([1, 2, 3].map(n => ({ address: '100.64.0.7', port: n })));
  });

  test('closes once every connection has ended', async () => {
    const { start } = telling(create);
    const { port, proxied } = await start();
    const socket = await dial(port, HEADER);
    await ask(socket, secure);
    const closed = once(proxied.listener, 'close');
    proxied.close();
    await closed;
  });
});

describe('behind a PROXY listener', () => {
  test('header and request may come in one piece', async () => {
    const { start } = telling();
    const { port } = await start();
    const socket = await dial(port, `${HEADER}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const piece of socket) text += String(piece);
    expect(text).toContain('100.64.0.7');
  });

  test('a header is read once: a second one is no HTTP', async () => {
    const { start } = telling();
    const { port } = await start();
    const socket = await dial(port, `${HEADER}${HEADER}GET / HTTP/1.1\r\nHost: x\r\n\r\n`);
    let text = '';
    for await (const piece of socket) text += String(piece);
    expect(text).toContain('400 Bad Request');
  });

  test.each([
    ['no header', 'GET / HTTP/1.1\r\n\r\n', 'does not begin with'],
    ['a header that cannot be read', 'PROXY TCP4 x y 1 1\r\n', 'cannot be read'],
  ])('%s: cut off without an answer', async (_name, bytes, why) => {
    const { server, start } = telling();
    let handed = 0;
    server.on('connection', () => {
      handed += 1;
    });
    const { port, nextDrop } = await start();
    const drop = nextDrop();
    const socket = await dial(port, bytes);
    const heard: unknown[] = [];
    socket.on('data', piece => heard.push(piece));
    const closed = closeOf(socket);
    expect(await drop).toContain(why);
    await closed;
    expect(heard).toEqual([]);
    expect(handed).toBe(0);
  });

  test('a header that does not come in time', async () => {
    const { start } = telling();
    const { port, nextDrop } = await start({ headerMs: 30 });
    const drop = nextDrop();
    const socket = await dial(port, HEADER.slice(0, 20));
    const closed = closeOf(socket);
    expect(await drop).toContain('within 30 ms');
    await closed;
  });

  test('a connection that ends before its header', async () => {
    const { start } = telling();
    const { port, nextDrop } = await start();
    const drop = nextDrop();
    const socket = await dial(port, HEADER.slice(0, 20));
    socket.end();
    expect(await drop).toContain('ended before');
  });

  test('a sender who is not trusted says nothing, however right its header is', async () => {
    const { start } = telling();
    const { port, nextDrop } = await start({ isTrusted: trustedAddresses(['127.0.0.2', '10.0.0.0/8']) });
    const drop = nextDrop();
    const socket = await dial(port);
    const closed = closeOf(socket);
    socket.write(HEADER);
    expect(await drop).toContain('not among the trusted');
    await closed;
  });

  test('only so many may wait for their header', async () => {
    const { start } = telling();
    const { port, nextDrop } = await start({ maxWaiting: 1 });
    const drop = nextDrop();
    await dial(port, 'PROXY');
    await dial(port, 'PROXY');
    expect(await drop).toContain('too many');
  });

  test('closing drops who still waits', async () => {
    const { start } = telling();
    const { port, proxied, nextDrop } = await start();
    const arrived = once(proxied.listener, 'connection');
    const socket = await dial(port, 'PROXY');
    await arrived;
    const closed = [once(proxied.listener, 'close'), closeOf(socket)];
    const drop = nextDrop();
    proxied.close();
    await Promise.all(closed);
    expect(await drop).toContain('ended');
  });

  test('a socket that came another way has no proxied end', async () => {
    const { proxied } = await inFront(createHttpServer());
    expect(
      proxied.remoteEndOf(connect({ port: 1, host: '127.0.0.1' }).on('error', () => {})),
    ).toBeUndefined();
  });
});
