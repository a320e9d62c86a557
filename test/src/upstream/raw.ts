import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { listening } from '../../support/listening.ts';

/** One end of a TCP connection, read byte by byte: what HTTP libraries would tidy up stays visible. Latin-1 throughout. */
export class RawConnection {
  readonly socket: Socket;
  /** Resolves when the other end has closed its direction, in order or not. */
  readonly left: Promise<void>;
  /** Everything that was ever received. */
  text = '';
  ended = false;
  reset = false;
  #read = 0;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {
      this.reset = true;
    });
    socket.on('data', chunk => {
      this.text += chunk.toString('latin1');
      this.#wakeAll();
    });
    this.left = new Promise(resolve => {
      const onLeft = (): void => {
        this.#end();
        resolve();
      };
      socket.on('end', onLeft);
      socket.on('close', onLeft);
    });
  }

  write(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'));
  }

  /** Closes with a reset. */
  rst(): void {
    this.socket.resetAndDestroy();
  }

  /** Up to and with the next `marker`. Rejects when the connection ends before it. */
  async until(marker: string): Promise<string> {
    for (;;) {
      const at = this.text.indexOf(marker, this.#read);
      if (at !== -1) return this.#take(at + marker.length);
      await this.#more(`${JSON.stringify(marker)} did not come`);
    }
  }

  async bytes(count: number): Promise<string> {
    while (this.text.length - this.#read < count) await this.#more(`${count} bytes did not come`);
    return this.#take(this.#read + count);
  }

  /** What comes up to the end of the connection. */
  async rest(): Promise<string> {
    while (!this.ended) await new Promise<void>(resolve => this.#wake.push(resolve));
    return this.#take(this.text.length);
  }

  /** Header lines of the next message, without the empty line. The first is the request or status line. */
  async head(): Promise<string[]> {
    return (await this.until('\r\n\r\n')).slice(0, -4).split('\r\n');
  }

  /** A chunked body (RFC 9112 section 7.1), joined. */
  async chunkedBody(): Promise<string> {
    let body = '';
    for (;;) {
      const size = Number.parseInt(await this.until('\r\n'), 16);
      body += (await this.bytes(size + 2)).slice(0, -2);
      if (size === 0) return body;
    }
  }

  #take(end: number): string {
    const taken = this.text.slice(this.#read, end);
    this.#read = end;
    return taken;
  }

  async #more(complaint: string): Promise<void> {
    if (this.ended) throw new Error(`${complaint}; left: ${JSON.stringify(this.text.slice(this.#read))}`);
    await new Promise<void>(resolve => this.#wake.push(resolve));
  }

  #end(): void {
    this.ended = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

export interface RawServer {
  readonly port: number;
  readonly connections: RawConnection[];
  close(): Promise<void>;
}

/** A TCP server; `script` plays one connection. Its failures are rethrown by `close`. */
export async function rawServer(
  script: (connection: RawConnection, index: number) => Promise<void> | void,
  server: Server = createServer({ allowHalfOpen: true }),
): Promise<RawServer> {
  const connections: RawConnection[] = [];
  const failures: unknown[] = [];
  const onSocket = (socket: Socket): void => {
    const connection = new RawConnection(socket);
    const index = connections.push(connection) - 1;
    Promise.resolve(script(connection, index)).catch((error: unknown) => failures.push(error));
  };
  const sockets = new Set<Socket>();
  // A TLS server tells of its TCP sockets too, and of those alone that fail in the handshake.
  const isTls = 'setSecureContext' in server;
  if (isTls) server.on('secureConnection', onSocket);
  server.on('connection', socket => {
    sockets.add(socket);
    if (isTls) socket.on('error', () => {});
    else onSocket(socket);
  });
  const port = await listening(server);
  return {
    port: port,
    connections,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      if (failures.length > 0) throw failures[0];
    },
  };
}

export async function rawClient(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return new RawConnection(socket);
}
