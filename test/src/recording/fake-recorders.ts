/** Recorders as the protocols describe them (HTTP/1.1 with 100-continue; HTTP/2 with acks), and bad ones. */
import { EventEmitter, once } from 'node:events';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { Http2Server, ServerHttp2Stream } from 'node:http2';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { connect, createServer as createNetServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** What one recorder has seen. `ended`: the body came to its proper end; `cut`: it was broken off. */
export class Seen extends EventEmitter<{ bytes: []; over: []; connection: [Socket] }> {
  readonly requests: string[] = [];
  readonly headers: Record<string, string | string[] | undefined>[] = [];
  readonly sockets = new Set<Socket>();
  connections = 0;
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  ended = false;
  cut = false;

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  async hasBytes(count: number): Promise<void> {
    while (this.bytes < count) await once(this, 'bytes');
  }

  async isOver(): Promise<void> {
    while (!this.ended && !this.cut) await once(this, 'over');
  }

  async hasNoSockets(): Promise<void> {
    for (const socket of this.sockets) if (!socket.closed) await once(socket, 'close').catch(() => undefined);
  }

  async hasConnections(count: number): Promise<void> {
    while (this.connections < count) await once(this, 'connection');
  }

  take(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.bytes += bytes.length;
    this.emit('bytes');
  }

  finish(how: 'ended' | 'cut'): void {
    if (this.ended || this.cut) return;
    this[how] = true;
    this.emit('over');
  }
}

export interface FakeRecorder {
  readonly address: string;
  readonly seen: Seen;
}

async function listen(server: NetServer | HttpServer | Http2Server, seen: Seen): Promise<FakeRecorder> {
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined);
    seen.connections++;
    seen.sockets.add(socket);
    socket.on('close', () => seen.sockets.delete(socket));
    seen.emit('connection', socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of seen.sockets) socket.destroy();
    server.close();
    if (server.listening) await once(server, 'close');
  });
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, seen };
}

export interface V2Behaviour {
  readonly headStatus?: number;
  readonly postStatus?: number | 'never';
  /** After the response headers, in place of reading and acknowledging. */
  readonly onUpload?: (stream: ServerHttp2Stream, seen: Seen) => void;
  /** Answer to the end of the body; by default a last ack and the end of the response. */
  readonly onBodyEnd?: (stream: ServerHttp2Stream, seen: Seen) => void;
  readonly acks?: boolean;
  readonly windowBytes?: number;
}

export function startV2(behaviour: V2Behaviour = {}): Promise<FakeRecorder> {
  const seen = new Seen();
  const { windowBytes } = behaviour;
  const server = createHttp2Server({
    settings: windowBytes === undefined ? {} : { initialWindowSize: windowBytes },
  });
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    seen.requests.push(`${headers[':method']} ${headers[':path']}`);
    seen.headers.push(headers);
    if (headers[':method'] === 'HEAD') {
      stream.respond({ ':status': behaviour.headStatus ?? 200 }, { endStream: true });
      return;
    }
    stream.on('aborted', () => seen.finish('cut'));
    stream.on('close', () => seen.finish('cut'));
    const status = behaviour.postStatus ?? 200;
    if (status === 'never') return;
    stream.respond({ ':status': status }, { endStream: status !== 200 });
    if (status !== 200) return;
    if (behaviour.onUpload === undefined) readAndAck(stream, seen, behaviour);
    else behaviour.onUpload(stream, seen);
  });
  return listen(server, seen);
}

export function readAndAck(stream: ServerHttp2Stream, seen: Seen, behaviour: V2Behaviour = {}): void {
  const ack = (): void => {
    if (behaviour.acks !== false) stream.write(`${JSON.stringify({ ack: seen.bytes })}\n`);
  };
  stream.on('data', (bytes: Buffer) => {
    seen.take(bytes);
    ack();
  });
  stream.on('end', () => {
    if (stream.aborted || stream.rstCode !== 0) return;
    seen.finish('ended');
    if (behaviour.onBodyEnd !== undefined) behaviour.onBodyEnd(stream, seen);
    else {
      ack();
      stream.end();
    }
  });
}

export interface V1Behaviour {
  /** In place of `100 Continue`. */
  readonly onExpect?: (request: IncomingMessage, response: ServerResponse) => void;
  /** In place of reading. */
  readonly onUpload?: (request: IncomingMessage, response: ServerResponse, seen: Seen) => void;
  readonly onBodyEnd?: (response: ServerResponse) => void;
}

export function startV1(behaviour: V1Behaviour = {}): Promise<FakeRecorder> {
  const seen = new Seen();
  const server = createHttpServer();
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    seen.requests.push(`${request.method} ${request.url}`);
    seen.headers.push(request.headers);
    request.on('error', () => undefined);
    if (behaviour.onExpect !== undefined) {
      behaviour.onExpect(request, response);
      return;
    }
    response.writeContinue();
    if (behaviour.onUpload === undefined) read(request, response, seen, behaviour);
    else behaviour.onUpload(request, response, seen);
  });
  return listen(server, seen);
}

function read(request: IncomingMessage, response: ServerResponse, seen: Seen, behaviour: V1Behaviour): void {
  request.on('data', (bytes: Buffer) => seen.take(bytes));
  request.on('close', () => seen.finish(request.complete ? 'ended' : 'cut'));
  request.on('end', () => {
    seen.finish('ended');
    if (behaviour.onBodyEnd !== undefined) behaviour.onBodyEnd(response);
    else response.writeHead(200).end();
  });
}

/** Passes bytes to a recorder and keeps what the client sent. */
export async function startTap(behind: FakeRecorder): Promise<{ address: string; fromClient: () => Buffer }> {
  const chunks: Buffer[] = [];
  const { address } = await startTcp(client => {
    const recorder = connect(Number(behind.address.split(':')[1]), '127.0.0.1');
    recorder.on('error', () => client.destroy());
    client.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      recorder.write(chunk);
    });
    client.on('close', () => recorder.destroy());
    recorder.pipe(client);
  });
  return { address, fromClient: () => Buffer.concat(chunks) };
}

/** Anything that listens on TCP. */
export function startTcp(onSocket: (socket: Socket, seen: Seen) => void): Promise<FakeRecorder> {
  const seen = new Seen();
  const server = createNetServer();
  seen.on('connection', socket => onSocket(socket, seen));
  return listen(server, seen);
}

/** An address where nothing listens. */
export async function deadAddress(): Promise<string> {
  const server = createNetServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}
