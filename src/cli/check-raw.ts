import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';

/** Where to ask, and as whom. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Authority of its certificate, PEM. */
  readonly ca: string;
  readonly token: string;
}

/** A request as its bytes, so that no library tidies up what is to be tried. `Host` and the token are added. */
export interface RawRequest {
  readonly method: string;
  /** Goes out as it stands. */
  readonly target: string;
  /** Whole header lines. */
  readonly lines: readonly string[];
  readonly body?: string;
}

export type RawAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly lines: readonly string[] }
  /** The connection was closed without an answer. */
  | { readonly kind: 'closed' }
  /** Nothing came within the limit. */
  | { readonly kind: 'silent' };

const MAX_HEAD_BYTES = 64 * 1024;

/**
 * The head of the answer; whatever follows it is not waited for, and the connection is closed. Rejects when no connection
 * comes about.
 */
export function askRaw(endpoint: Endpoint, request: RawRequest, limitMs: number): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { host, port, ca } = endpoint;
    const socket = connect({ host, port, ca, ALPNProtocols: ['http/1.1'] });
    let head = '';
    let connected = false;
    const done = (answer: RawAnswer): void => {
      clearTimeout(timer);
      resolve(answer);
      socket.destroy();
    };
    const timer = setTimeout(() => done({ kind: 'silent' }), limitMs);
    socket.on('secureConnect', () => {
      connected = true;
      write(socket, endpoint, request);
    });
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end >= 0) done(readHead(head.slice(0, end)));
      else if (head.length > MAX_HEAD_BYTES) done({ kind: 'closed' });
    });
    socket.on('error', error => {
      if (connected) return;
      clearTimeout(timer);
      reject(new Error(`cannot reach ${host}:${port}: ${error.message}`, { cause: error }));
    });
    socket.on('close', () => done({ kind: 'closed' }));
  });
}

function write(socket: TLSSocket, { host, token }: Endpoint, request: RawRequest): void {
  const { method, target, lines, body } = request;
  const head = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${host.includes(':') ? `[${host}]` : host}`,
    `Authorization: Bearer ${token}`,
    ...lines,
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ].join('\r\n');
  socket.write(`${head}\r\n\r\n${body ?? ''}`);
}

function readHead(head: string): RawAnswer {
  const [first = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  return status === undefined ? { kind: 'closed' } : { kind: 'answered', status: Number(status), lines };
}
