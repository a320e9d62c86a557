import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { servePortForward } from '../../../src/sandbox/port-forward.ts';
import { controlFrame, dataFrame, FRAME, FrameReader } from '../../../src/sandbox/spdy-frames.ts';
import { HeaderWriter } from '../../../src/sandbox/spdy-headers.ts';
import { listening } from '../../support/listening.ts';
import { type Cluster, startCluster } from './cluster.ts';

/** The client's end, as kubectl speaks: an error stream first, half-closed at once, then a data stream. */
class Client {
  readonly socket: Duplex;
  /** The server's own end of the connection. */
  readonly far: Duplex;
  readonly #headers = new HeaderWriter();
  readonly #streams = new Map<number, { text: string; ended: boolean }>();
  #wake: () => void = () => {};

  constructor() {
    const [near, far] = duplexPair();
    this.socket = near;
    this.far = far;
    const frames = new FrameReader({
      control: () => {},
      data: (id, bytes, fin) => {
        const stream = this.stream(id);
        stream.text += bytes.toString('latin1');
        stream.ended ||= fin;
        this.#wake();
      },
    });
    near.on('data', (chunk: Buffer) => frames.push(chunk));
    servePortForward(far, Buffer.alloc(0));
    onTestFinished(() => {
      near.destroy();
    });
  }

  stream(id: number): { text: string; ended: boolean } {
    const stream = this.#streams.get(id) ?? { text: '', ended: false };
    this.#streams.set(id, stream);
    return stream;
  }

  open(id: number, headers: Readonly<Record<string, string>>): void {
    const block = this.#headers.write(Object.entries(headers));
    const start = Buffer.alloc(10);
    start.writeUInt32BE(id, 0);
    this.socket.write(controlFrame(FRAME.SYN_STREAM, Buffer.concat([start, block])));
  }

  /** A pair of streams `errorId`, `errorId + 2`. */
  pair(errorId: number, port: number, requestid: string): void {
    this.open(errorId, { streamtype: 'error', port: String(port), requestid });
    this.send(errorId, '', true);
    this.open(errorId + 2, { streamtype: 'data', port: String(port), requestid });
  }

  send(id: number, bytes: string, fin = false): void {
    this.socket.write(dataFrame(id, Buffer.from(bytes, 'latin1'), fin));
  }

  async until(id: number, done: (stream: { text: string; ended: boolean }) => boolean): Promise<void> {
    while (!done(this.stream(id))) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }
}

let echo: Server;
let port: number;
beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  port = await listening(echo);
});
afterAll(() => echo.close());

describe('port-forward over SPDY', () => {
  test('pairs of streams are connections of their own, and end half by half', async () => {
    const client = new Client();
    client.pair(1, port, '0');
    client.pair(5, port, '1');
    client.send(3, 'first');
    client.send(7, 'second', true);
    await client.until(7, ({ ended }) => ended);
    await client.until(5, ({ ended }) => ended);
    expect(client.stream(7).text).toBe('second');
    expect(client.stream(5).text).toBe('');
    client.send(3, ' and last', true);
    await client.until(3, ({ ended }) => ended);
    await client.until(1, ({ ended }) => ended);
    expect(client.stream(3).text).toBe('first and last');
  });

  test('a port where nobody listens is told on the error stream, and both streams end', async () => {
    const free = createServer();
    const closed = await listening(free);
    free.close();
    await once(free, 'close');
    const client = new Client();
    client.pair(1, closed, '0');
    await client.until(1, ({ ended }) => ended);
    expect(client.stream(1).text).toContain('ECONNREFUSED');
    expect(client.stream(3).ended).toBe(true);
  });

  test.each<[string, (client: Client) => void]>([
    [
      'a data stream without its error stream',
      client => client.open(1, { streamtype: 'data', requestid: '0' }),
    ],
    ['a stream of another type', client => client.open(1, { streamtype: 'stdin', requestid: '0' })],
    [
      'a port that is none',
      client => {
        client.pair(1, 70_000, '0');
      },
    ],
    [
      'too many connections',
      client => {
        for (let at = 0; at < 257; at++) {
          client.open(2 * at + 1, { streamtype: 'error', port: '1', requestid: String(at) });
        }
      },
    ],
  ])('%s breaks the tunnel off', async (_name, act) => {
    const client = new Client();
    const closed = once(client.far, 'close');
    act(client);
    await closed;
  });

  test('a client that leaves closes its connections to the pod', async () => {
    const listener = createServer();
    const own = await listening(listener);
    onTestFinished(() => {
      listener.close();
    });
    const client = new Client();
    const connected = once(listener, 'connection');
    client.pair(1, own, '0');
    const [socket] = (await connected) as [Socket];
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    socket.resume();
    client.socket.end();
    await closed;
  });
});

describe('the upgrade of port-forward', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.close());

  async function head(pod: string, ...lines: string[]): Promise<string> {
    const { hostname, port: apiPort } = new URL(cluster.url);
    const socket = connect({ host: hostname, port: Number(apiPort), ca: cluster.caPem });
    onTestFinished(() => {
      socket.destroy();
    });
    const request = [
      `GET /api/v1/namespaces/default/pods/${pod}/portforward HTTP/1.1`,
      ...['Host: h', `Authorization: Bearer ${cluster.token}`, 'Connection: Upgrade', ...lines, '\r\n'],
    ];
    socket.write(request.join('\r\n'));
    const [first] = await once(socket, 'data');
    return String(first);
  }
  const websocket = (protocol: string): string[] => [
    ...['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
    `Sec-WebSocket-Protocol: ${protocol}`,
  ];

  test.each([
    [
      'SPDY',
      ['Upgrade: SPDY/3.1', 'X-Stream-Protocol-Version: portforward.k8s.io'],
      'X-Stream-Protocol-Version: portforward.k8s.io',
    ],
    [
      'the tunnel',
      websocket('SPDY/3.1+portforward.k8s.io'),
      'Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io',
    ],
  ])('%s is agreed on', async (_name, lines, agreed) => {
    const answer = await head('shell', ...lines);
    expect(answer).toContain(' 101 ');
    expect(answer.match(/-Protocol[^\r]*: [^\r]*/g)).toHaveLength(1);
    expect(answer).toContain(`\r\n${agreed}\r\n`);
  });

  test.each([
    ['another subprotocol', 'shell', websocket('v4.channel.k8s.io'), 403],
    [
      'another version of SPDY streams',
      'shell',
      ['Upgrade: SPDY/3.1', 'X-Stream-Protocol-Version: v4.channel.k8s.io'],
      400,
    ],
    ['a pod that is not there', 'none', websocket('SPDY/3.1+portforward.k8s.io'), 404],
  ])('%s is refused', async (_name, pod, lines, code) => {
    expect(await head(pod, ...lines)).toContain(`HTTP/1.1 ${code} `);
  });
});
