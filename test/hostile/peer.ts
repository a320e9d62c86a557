import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { connect as connectTcp, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { RawConnection } from '../src/upstream/raw.ts';

/** One end of a connection, in bytes. */
export class Peer extends RawConnection {
  /** The TCP socket below TLS, if there is TLS. */
  readonly #tcp: Socket;
  constructor(socket: Socket, tcp: Socket = socket) {
    super(socket);
    this.#tcp = tcp;
  }

  send(...pieces: readonly (string | Buffer)[]): void {
    this.socket.write(
      Buffer.concat(pieces.map(piece => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece))),
    );
  }

  async take(count: number): Promise<Buffer> {
    return Buffer.from(await this.bytes(count), 'latin1');
  }

  /** Takes as many bytes as are expected, for a comparison that shows both. */
  async takes(expected: Buffer): Promise<boolean> {
    const got = await this.take(expected.length);
    return got.equals(expected);
  }

  fin(): void {
    this.socket.end();
  }

  /** Once what was sent has left: Node's TLS does not survive a reset below a write that is under way. */
  override rst(): void {
    this.socket.write('', () => this.#tcp.resetAndDestroy());
  }
}

/** A client that speaks TLS and nothing above it. It closes its half when the proxy has closed its own. */
export async function tlsPeer(port: number): Promise<Peer> {
  const tcp = connectTcp({ port, host: '127.0.0.1' });
  tcp.on('error', () => {});
  await once(tcp, 'connect');
  tcp.setNoDelay(true);
  const socket = connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  return new Peer(socket, tcp);
}

/** An API server that does nothing by itself. */
export class FakeUpstream {
  readonly peers: Peer[] = [];
  readonly #server: Server;
  readonly #arrivals: ((peer: Peer) => void)[] = [];
  readonly #waiting: Peer[] = [];

  constructor(arrived: () => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true });
    this.#server.on('connection', socket => {
      arrived();
      const peer = new Peer(socket);
      this.peers.push(peer);
      const taker = this.#arrivals.shift();
      if (taker === undefined) this.#waiting.push(peer);
      else taker(peer);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** Each connection once, in order. */
  next(): Promise<Peer> {
    const peer = this.#waiting.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise(resolve => this.#arrivals.push(resolve));
  }

  /** Nothing listens from here on. */
  async stopListening(): Promise<void> {
    this.#server.close();
    for (const { socket } of this.peers) socket.destroy();
    if (this.#server.listening) await once(this.#server, 'close');
  }
}
