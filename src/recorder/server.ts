import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../clock.ts';
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
}

export interface RunningRecorder {
  readonly host: string;
  readonly port: number;
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
    isStopping: () => closing !== undefined,
  };
  const http1 = new Http1Side(context);
  const http2 = new Http2Side(context);
  const sockets = new Set<Socket>();

  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
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
    close: (graceMs = limits.closeGraceMs) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
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
