import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { Peer } from '../hostile/peer.ts';
import { speech, switching } from '../hostile/speech.ts';
import type { Plan } from './fates.ts';
import { numberOf } from './fates.ts';

const TARGET = /\/pods\/([a-z]+-[0-9]+)(\/exec)?/;

/** An API server whose pods do what their names say. It can be killed, and come back at the same port. */
export class StandIn {
  readonly port: number;
  readonly #planOf: (number: number) => Plan;
  readonly #sockets = new Set<Socket>();
  #server: Server;

  private constructor(server: Server, port: number, planOf: (number: number) => Plan) {
    this.#server = server;
    this.port = port;
    this.#planOf = planOf;
    server.on('connection', this.#onConnection);
  }

  static async start(planOf: (number: number) => Plan): Promise<StandIn> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return new StandIn(server, address.port, planOf);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Resets every connection, and listens no more. */
  async kill(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async restart(): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true });
    this.#server.on('connection', this.#onConnection);
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  readonly #onConnection = (socket: Socket): void => {
    this.#sockets.add(socket);
    const peer = new Peer(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // Whoever goes away in the middle of a play is a part of it.
    this.#serve(peer).catch(() => socket.destroy());
  };

  async #serve(peer: Peer): Promise<void> {
    for (;;) {
      const head = await peer.head();
      const [, pod = '', exec] = TARGET.exec(head[0] ?? '') ?? [];
      if (exec !== undefined) return play(peer, this.#planOf(numberOf(pod)), head[0]?.split(' ')[1] ?? '');
      // An ordinary request, on a connection that is kept; the probe at the proxy's start too.
      peer.send('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');
    }
  }
}

async function play(peer: Peer, { fate, transport, output, status }: Plan, target: string): Promise<void> {
  const { socket } = peer;
  if (fate === 'upstreamHangsUp') return void socket.destroy();
  if (fate === 'upstreamRefuses') {
    const body = '{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}';
    return void socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  }
  const say = speech(transport, target);
  peer.send(switching(transport));
  await peer.take(say.opening.length);
  peer.send(say.replies);
  const write = async (bytes: Buffer): Promise<void> => {
    if (socket.write(bytes)) return;
    await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    if (socket.destroyed) throw new Error('gone');
  };
  const input = say.input('next\n').length;
  for (const [index, text] of output.entries()) {
    if (fate === 'chat') await peer.take(input);
    await write(index % 3 === 2 ? say.errors(text) : say.output(text));
    // The rest is cut off, one way or the other.
    if (index === 1 && fate === 'upstreamResets') return void peer.rst();
    if (index === 1 && fate === 'upstreamTears') return void socket.end(say.output(text).subarray(0, -5));
    if (index === 1 && fate === 'upstreamViolates') peer.send(say.upstreamViolation);
    if (index === 1 && ['vanishes', 'leaves', 'violates', 'upstreamViolates'].includes(fate)) {
      await peer.left;
      return void socket.destroy();
    }
  }
  await write(say.status(status));
  socket.end(say.farewell);
  await peer.left;
  socket.destroy();
}
