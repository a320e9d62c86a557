import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { inPieces } from './remote-streams.ts';
import { SpdyConnection } from './spdy-connection.ts';

/** Value of X-Stream-Protocol-Version, and the same inside a WebSocket. */
export const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io';
export const PORT_FORWARD_TUNNEL = `SPDY/3.1+${PORT_FORWARD_PROTOCOL}`;

/** Forwarded connections of one tunnel at a time, waiting ones included; above it the tunnel is broken off. */
const MAX_CONNECTIONS = 256;
/** Where the processes of all pods are. */
const POD_ADDRESS = '127.0.0.1';

/** An error stream whose data stream has not come yet: the client opens them in this order. */
interface Announced {
  readonly errorId: number;
  readonly port: number;
}

/**
 * The server's end of a port-forward over SPDY: each pair of streams becomes a connection to a port of this machine,
 * since the sandbox's pods are processes of this machine.
 */
export function servePortForward(transport: Duplex, head: Buffer): void {
  const announced = new Map<string, Announced>();
  const joined = new Map<number, Socket>();
  // A tunnel that breaks is told by its end.
  transport.on('error', () => transport.destroy());

  const connection = new SpdyConnection(transport, {
    opened(streamId, headers) {
      const type = headers.get('streamtype');
      const requestId = headers.get('requestid') ?? '';
      const pair = announced.get(requestId);
      if (type === 'error' && announced.size + joined.size < MAX_CONNECTIONS) {
        announced.set(requestId, { errorId: streamId, port: Number(headers.get('port')) });
      } else if (type === 'data' && pair !== undefined) {
        announced.delete(requestId);
        const socket = forward(connection, { ...pair, dataId: streamId });
        socket.once('close', () => joined.delete(streamId));
        joined.set(streamId, socket);
      } else {
        connection.destroy();
      }
    },
    data(streamId, bytes) {
      const socket = joined.get(streamId);
      return socket === undefined || socket.destroyed || socket.writableEnded || socket.write(bytes);
    },
    ended(streamId) {
      joined.get(streamId)?.end();
    },
  });
  connection.gone.addEventListener('abort', () => {
    for (const socket of joined.values()) socket.destroy();
  });
  connection.start(head);
}

/** Joins a data stream to its port, and closes both streams when the connection has ended. */
function forward(
  connection: SpdyConnection,
  { errorId, port, dataId }: Announced & { readonly dataId: number },
): Socket {
  const socket = connect({ host: POD_ADDRESS, port, allowHalfOpen: true });
  socket.on('data', (chunk: Buffer) => {
    socket.pause();
    const pieces = [...inPieces(chunk)];
    const last = pieces.pop();
    for (const piece of pieces) connection.send(dataId, piece, ignore);
    if (last !== undefined) connection.send(dataId, last, () => socket.resume());
  });
  socket.on('drain', () => connection.resume());
  socket.on('end', () => connection.end(dataId, ignore));
  socket.on('error', error => {
    if (connection.gone.aborted) return;
    const text = `error forwarding port ${String(port)} to the pod: ${error.message}`;
    connection.send(errorId, Buffer.from(text, 'utf8'), ignore);
  });
  socket.on('close', () => {
    if (connection.gone.aborted) return;
    // What is held back for this connection must not hold back the others.
    connection.resume();
    if (!socket.readableEnded) connection.end(dataId, ignore);
    connection.end(errorId, ignore);
  });
  return socket;
}

/** A client that has gone is told by `gone`. */
function ignore(): void {}
