import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import type { LocalApiFailure } from './local-api-error.ts';
import { LocalApiError } from './local-api-error.ts';

export interface LocalApiCall {
  readonly path: string;
  /** From the first byte sent to the last one read. */
  readonly timeoutMs: number;
  /** Bytes of the body. More is a bad answer. */
  readonly maxBytes: number;
}

export interface LocalApiAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly retryAfter: string | undefined;
}

/** The only host that tailscaled answers to: a browser that was led to the socket would name another. */
const HOST = 'local-tailscaled.sock';
/** The capability version whose answers are understood here: since it, who-is brings the map of capabilities. */
const CAPABILITY_VERSION = '145';
/** Header lines of an answer. tailscaled sends a handful. */
const MAX_HEADER_BYTES = 16 * 1024;

/** A GET over the socket, on a connection of its own; not sent yet. */
export function getFromLocalApi(socketPath: string, path: string): ClientRequest {
  return requestHttp({
    socketPath,
    path,
    method: 'GET',
    headers: { Host: HOST, 'Tailscale-Cap': CAPABILITY_VERSION },
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
}

/** One GET over the socket, whatever its status. Rejects with a LocalApiError when no whole answer came. */
export function callLocalApi(socketPath: string, call: LocalApiCall): Promise<LocalApiAnswer> {
  return new Promise((resolve, reject) => {
    const request = getFromLocalApi(socketPath, call.path);
    const settle = (): void => {
      clearTimeout(timer);
      request.destroy();
    };
    const fail = (kind: LocalApiFailure, message: string, cause?: unknown): void => {
      settle();
      reject(new LocalApiError(kind, message, { cause }));
    };
    const timer = setTimeout(
      () => fail('unavailable', `tailscaled did not answer within ${call.timeoutMs} ms`),
      call.timeoutMs,
    );
    // Stays on: errors that follow the destruction go nowhere, and a settled promise does not care.
    request.on('error', (error: NodeJS.ErrnoException) => {
      const { kind, message } = connectionFailure(error, socketPath);
      fail(kind, message, error);
    });
    request.on('close', () =>
      fail('unavailable', 'tailscaled closed the connection before its answer was whole'),
    );
    request.on('response', (response: IncomingMessage) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > call.maxBytes) fail('badAnswer', `tailscaled's answer is over ${call.maxBytes} bytes`);
        else pieces.push(piece);
      });
      // An answer that is cut short: the close of the request tells.
      response.on('error', () => {});
      response.on('end', () => {
        settle();
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(pieces),
          retryAfter: response.headers['retry-after'],
        });
      });
    });
    request.end();
  });
}

/** Why the socket brought no answer. */
export function connectionFailure(
  error: NodeJS.ErrnoException,
  socketPath: string,
): { readonly kind: LocalApiFailure; readonly message: string } {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'socketMissing', message: `there is no tailscaled socket at ${socketPath}` };
    case 'EACCES':
    case 'EPERM':
      return {
        kind: 'denied',
        message: `the tailscaled socket at ${socketPath} may not be used: ${error.code}`,
      };
    case 'ECONNREFUSED':
      return { kind: 'unavailable', message: `nobody listens on the tailscaled socket at ${socketPath}` };
    default:
      return error.code?.startsWith('HPE_')
        ? { kind: 'badAnswer', message: `tailscaled's answer is not HTTP/1.1 (${error.code})` }
        : { kind: 'unavailable', message: `tailscaled cannot be asked: ${error.message}` };
  }
}
