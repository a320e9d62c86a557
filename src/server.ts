import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { messageOf, WitnessError } from './errors.ts';
import { listen } from './listen.ts';
import { answerError } from './proxy/answer.ts';
import type { ProxyDependencies } from './proxy/handle.ts';
import { handleRequest } from './proxy/handle.ts';
import { Replies } from './proxy/replies.ts';
import { Tunnels } from './proxy/tunnels.ts';
import { handleUpgrade } from './proxy/upgrade.ts';
import { answerErrorOnSocket } from './relay/answer.ts';
import type { SessionRegistry } from './session/registry.ts';
import { acceptProxied } from './tailscale/proxy-listener.ts';
import type { AddressTest } from './tailscale/trusted-addresses.ts';

/** All header lines of one request; an exec's command rides in its first line. Above: 431. */
const MAX_HEADER_BYTES = 128 * 1024;
/** Longer than the 90 s for which client-go keeps an idle connection, so that it is never the one to be surprised. */
const KEEP_ALIVE_MS = 120_000;
const HEADERS_MS = 60_000;
const HANDSHAKE_MS = 10_000;

export interface ProxyServerOptions extends ProxyDependencies {
  readonly sessions: SessionRegistry;
  readonly address: string;
  readonly port: number;
  readonly tls: TlsOptions & { readonly cert: string; readonly key: string };
  /** Who may say in a PROXY header for whom it relays; given, every connection must begin with one. */
  readonly trustedRelays?: AddressTest;
}

export interface ProxyServer {
  readonly address: string;
  readonly port: number;
  /** For connections from here on. Whether clients are asked for certificates stays as at the start. */
  setTls(tls: ProxyServerOptions['tls']): void;
  /** Takes no new connections, ends tunnels and idle connections, gives the rest `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/**
 * The listener in front of the API server: TLS, HTTP/1.1 only (upgrades cannot ride HTTP/2, and one protocol is one
 * parser). Rejects when the address cannot be listened on.
 */
export async function startProxyServer(settings: ProxyServerOptions): Promise<ProxyServer> {
  const tunnels = new Tunnels(settings);
  const server = createServer({
    ...settings.tls,
    ALPNProtocols: ['http/1.1'],
    // A client that has ended its half still gets upstream's last words. Ordinary requests are ended by Node all the same.
    allowHalfOpen: true,
    // Half-open, a client that goes away in mid-handshake is noticed by this only.
    handshakeTimeout: HANDSHAKE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_MS,
    // Uploads and watches take as long as they take.
    requestTimeout: 0,
  });
  const proxied =
    settings.trustedRelays === undefined
      ? undefined
      : acceptProxied(server, { isTrusted: settings.trustedRelays, log: settings.log });
  const options = proxied === undefined ? settings : { ...settings, remoteEndOf: proxied.remoteEndOf };
  const replies = new Replies();
  // Node would leave header lines past the 2,000th out without a word; all of them are bounded by their bytes.
  server.maxHeadersCount = 0;
  let closing = false;
  const onReply = (response: ServerResponse): void => {
    replies.track(response);
    // The next request of this client is to find a replica that stays.
    if (settings.sessions.draining) response.shouldKeepAlive = false;
    response.once('close', () => {
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    onReply(response);
    void handleRequest(request, response, options);
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    onReply(response);
    void handleRequest(request, response, options, () => response.writeContinue());
  });
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    onReply(response);
    answerError(
      response,
      new WitnessError('KW_EXPECTATION_FAILED', 'the only expectation met here is 100-continue'),
    );
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (replies.endBehind(socket)) return;
    void handleUpgrade(request, socket, head, { ...options, tunnels });
  });
  // Without a listener Node hangs up on it.
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    if (replies.endBehind(socket)) return;
    void answerErrorOnSocket(
      socket,
      new WitnessError('KW_BAD_REQUEST', 'the request method is not one that the Kubernetes API uses'),
    );
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) =>
    answerBrokenRequest(error, socket),
  );
  const sockets = trackSockets(server);
  const listener = proxied?.listener ?? server;
  const { address, port } = await listen(listener, options.address, options.port);
  return {
    address,
    port,
    setTls: tls => server.setSecureContext(tls),
    close: async graceMs => {
      closing = true;
      tunnels.close();
      const closed = new Promise<void>(resolve => {
        listener.once('close', resolve);
        if (proxied === undefined) server.close();
        else proxied.close();
      });
      server.closeIdleConnections();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** What Node's parser refused never became a request; it is answered all the same. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const refusal =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new WitnessError(
          'KW_HEADERS_TOO_LARGE',
          `the request line and headers are over ${MAX_HEADER_BYTES} bytes`,
        )
      : new WitnessError('KW_BAD_REQUEST', `not an HTTP/1.1 request: ${messageOf(error)}`);
  void answerErrorOnSocket(socket, refusal);
}

/** Upgraded sockets are no longer the HTTP server's, so they are counted here. */
function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.setKeepAlive(true, 30_000);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
