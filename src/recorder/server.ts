import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls';
import type { Clock } from '../clock.ts';
import { type Access, AccessCheck } from './access.ts';
import type { RecorderContext } from './context.ts';
import { Http1Side } from './http1-side.ts';
import { Http2Side } from './http2-side.ts';
import { DEFAULT_RECORDER_LIMITS, type RecorderServerLimits } from './limits.ts';
import type { RecorderLog } from './log.ts';
import { peerAddress } from './peer.ts';
import { sniff } from './sniff.ts';
import { errnoOf, type RecordingStorage } from './storage.ts';
import { Uploads } from './uploads.ts';
import { within } from './within.ts';

export interface RecorderOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly storage: RecordingStorage;
  readonly clock: Clock;
  readonly log: RecorderLog;
  readonly limits?: Partial<RecorderServerLimits>;
  readonly access?: Access;
  readonly tls?: RecorderTls;
}

/** PEM texts. */
export interface RecorderTls {
  readonly cert: string;
  readonly key: string;
  /** Asks clients for a certificate of this authority; who has none can still show a token. */
  readonly clientCa?: string;
}

export interface RunningRecorder {
  readonly host: string;
  readonly port: number;
  /** For connections and requests from here on. There must be TLS, a client authority and tokens where there were. */
  setCredentials(credentials: { readonly tls: RecorderTls | undefined; readonly access: Access }): void;
  /** Takes nothing new, gives live uploads `graceMs`, cuts and files the rest. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

/** Idle peers that vanished are found by the kernel, since v1 has no sign of life of its own. */
const KEEP_ALIVE_AFTER_MS = 30_000;
/** For answers that are written and not yet sent when everything else is done. */
const FLUSH_MS = 1000;

/** Serves both recorder protocols on one port. Rejects with a sentence when the address cannot be taken. */
export async function startRecorder(options: RecorderOptions): Promise<RunningRecorder> {
  const limits = { ...DEFAULT_RECORDER_LIMITS, ...options.limits };
  const { storage, clock, log } = options;
  let closing: Promise<void> | undefined;
  const uploads = new Uploads(limits.maxConcurrentUploads);
  const context: RecorderContext = {
    storage,
    clock,
    log,
    limits,
    uploads,
    access: new AccessCheck(options.access),
    isStopping: () => closing !== undefined,
  };
  const http1 = new Http1Side(context);
  const http2 = new Http2Side(context);
  const sockets = new Set<Socket>();

  const server = openServer(options.tls, limits.requestHeadMs, socket => {
    socket.on('error', error =>
      log.warn({ reason: error.message, from: peerAddress(socket) }, 'a connection failed'),
    );
    socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    sniff(socket, limits.requestHeadMs, (sniffed, version) =>
      (version === 'http2' ? http2 : http1).take(sniffed),
    );
  });
  // Below TLS too: a connection that never gets through its handshake is none of the others.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (error: Error, socket: Socket) => {
    log.warn({ reason: error.message }, 'a TLS handshake failed');
    // With half-open connections Node leaves it to us: our half would stay for ever.
    socket.destroy();
  });
  server.maxConnections = limits.maxConnections;
  const { host, port } = await listen(server, options.host, options.port);
  server.on('error', error => log.error({ err: error }, 'the listener failed'));
  log.info({ host, port }, 'recorder listening');

  async function close(graceMs: number): Promise<void> {
    const closed = new Promise<void>(resolve => {
      server.close(() => resolve());
    });
    http1.stop();
    http2.stop();
    if (!(await within(uploads.empty(), graceMs))) {
      uploads.stopAll('the recorder stopped');
      if (!(await within(uploads.empty(), limits.closeSettleMs))) {
        log.error({}, 'the storage did not settle: the next start files what is left');
      }
    }
    if (!(await within(closed, FLUSH_MS))) for (const socket of sockets) socket.destroy();
    await closed;
    log.info({ host, port }, 'recorder stopped');
  }

  return {
    host,
    port,
    setCredentials: ({ tls, access }) => {
      context.access.setTokens(access);
      if (server instanceof TlsServer && tls !== undefined) server.setSecureContext(secureOptions(tls));
    },
    close: (graceMs = limits.closeGraceMs) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
}

/** Half-open, so that a peer that has ended its body can still be answered. */
function openServer(
  tls: RecorderTls | undefined,
  handshakeTimeout: number,
  onSocket: (socket: Socket) => void,
): Server {
  const common = { allowHalfOpen: true, noDelay: true };
  if (tls === undefined) return createServer(common, onSocket);
  const client = tls.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: false };
  return createTlsServer(
    {
      ...common,
      ...client,
      ...secureOptions(tls),
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout,
    },
    onSocket,
  );
}

function secureOptions({ cert, key, clientCa }: RecorderTls) {
  return { cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

function listen(server: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', onError);
    server.listen({ host, port }, onListening);

    function onError(error: Error): void {
      const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      const why =
        errnoOf(error) === 'EADDRINUSE' ? 'is in use by another process' : `failed: ${error.message}`;
      reject(new Error(`the recorder cannot listen: ${address} ${why}`, { cause: error }));
    }

    function onListening(): void {
      server.off('error', onError);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no TCP address'));
      else resolve({ host: address.address, port: address.port });
    }
  });
}
