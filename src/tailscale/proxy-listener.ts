import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { RemoteEnd } from './address.ts';
import { unmapped } from './address.ts';
import { ProxyHeaderReader } from './proxy-protocol.ts';
import type { AddressTest } from './trusted-addresses.ts';

/** As tailscaled's own listeners wait. */
const HEADER_MS = 10_000;
/** Connections whose header has not come yet. Only trusted senders have any. */
const MAX_WAITING = 1024;

export interface ProxiedOptions {
  /** Who may say for whom it relays. Anybody else is cut off without a word. */
  readonly isTrusted: AddressTest;
  readonly log: { warn(fields: object, message: string): void };
  /** For tests. */
  readonly headerMs?: number;
  readonly maxWaiting?: number;
}

export interface ProxiedConnections {
  /** To listen with. Its 'close' comes when every connection that came in by it has ended. */
  readonly listener: Server;
  /**
   * Whom a connection of the HTTP server comes from: what its header said, or the sender itself where the header said
   * that it speaks for itself. Undefined for any other socket.
   */
  remoteEndOf(socket: Socket): RemoteEnd | undefined;
  /** Stops listening and drops the connections that are still without a header. */
  close(): void;
}

/**
 * Puts a listener in front of an HTTP or HTTPS server that is not listening itself: each connection must begin with a
 * PROXY header, and is handed over as the server's own once that has been read. The header comes before TLS.
 */
export function acceptProxied(server: HttpServer | HttpsServer, options: ProxiedOptions): ProxiedConnections {
  const { isTrusted, log, headerMs = HEADER_MS, maxWaiting = MAX_WAITING } = options;
  const waiting = new Set<Socket>();
  const ends = new WeakMap<Socket, RemoteEnd>();
  /** A TLS socket does not say on what it rides, but shows the same real ends: unique while the connection lasts. */
  const handshaking = new Map<string, RemoteEnd>();

  const handOver = (socket: Socket, end: RemoteEnd): void => {
    ends.set(socket, end);
    const key = keyOf(socket);
    handshaking.set(key, end);
    socket.once('close', () => {
      // The same ends may already belong to a later connection.
      if (handshaking.get(key) === end) handshaking.delete(key);
    });
    server.emit('connection', socket);
  };
  server.on('secureConnection', (socket: Socket) => {
    const key = keyOf(socket);
    const end = handshaking.get(key);
    if (end !== undefined) ends.set(socket, end);
    handshaking.delete(key);
  });

  const listener = createServer(socket => {
    // Before anything else: a socket without an error listener takes the process with it. 'close' follows every error,
    // and the server that the socket is handed to has listeners of its own.
    socket.on('error', () => {});
    const drop = (why: string): void => {
      log.warn({ address: socket.remoteAddress, why }, 'proxied connection dropped');
      socket.destroy();
    };
    if (!isTrusted(socket.remoteAddress)) drop('the sender is not among the trusted ones');
    else if (waiting.size >= maxWaiting) drop('too many connections wait for their PROXY header');
    else {
      waiting.add(socket);
      readHeader(socket, headerMs, outcome => {
        waiting.delete(socket);
        if ('fault' in outcome) drop(outcome.fault);
        else handOver(socket, outcome.end);
      });
    }
  });

  return {
    listener,
    remoteEndOf: socket => ends.get(socket),
    close: () => {
      listener.close();
      for (const socket of waiting) socket.destroy();
    },
  };
}

/**
 * Reads the header off a socket and leaves it as if it had never been there. Calls back once, also for a socket that has
 * ended.
 */
function readHeader(
  socket: Socket,
  headerMs: number,
  done: (outcome: { readonly end: RemoteEnd } | { readonly fault: string }) => void,
): void {
  const reader = new ProxyHeaderReader();
  const settle = (outcome: { readonly end: RemoteEnd } | { readonly fault: string }): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable).off('close', onClose);
    done(outcome);
  };
  const onReadable = (): void => {
    for (let piece = readPiece(socket); piece !== undefined; piece = readPiece(socket)) {
      const step = reader.push(piece);
      if (step.kind === 'more') continue;
      if (step.kind === 'fault') {
        settle({ fault: step.message });
        return;
      }
      if (step.rest.length > 0) socket.unshift(step.rest);
      const end = step.header.kind === 'relayed' ? step.header.source : ownEnd(socket);
      settle(end === undefined ? { fault: 'it has ended' } : { end });
      return;
    }
  };
  const onClose = (): void => settle({ fault: 'it ended before its PROXY header' });
  const timer = setTimeout(() => settle({ fault: `no PROXY header came within ${headerMs} ms` }), headerMs);
  socket.on('readable', onReadable).on('close', onClose);
}

function readPiece(socket: Socket): Buffer | undefined {
  const piece: unknown = socket.read();
  return Buffer.isBuffer(piece) ? piece : undefined;
}

function ownEnd({ remoteAddress, remotePort }: Socket): RemoteEnd | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { address: unmapped(remoteAddress), port: remotePort };
}

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ');
}
