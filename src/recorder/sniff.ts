import type { Socket } from 'node:net';

/** RFC 9113 section 3.4: the first bytes of HTTP/2 with prior knowledge. No HTTP/1 request can start like this. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export type HttpVersion = 'http1' | 'http2';

/** Undefined: more bytes are needed (never more than the 24 of the preface). */
export function httpVersionOf(firstBytes: Buffer): HttpVersion | undefined {
  const length = Math.min(firstBytes.length, PREFACE.length);
  if (!firstBytes.subarray(0, length).equals(PREFACE.subarray(0, length))) return 'http1';
  return length === PREFACE.length ? 'http2' : undefined;
}

/**
 * Reads just enough of a new socket to know its protocol, puts the bytes back and hands it over. A socket that says
 * too little within `limitMs` is destroyed.
 */
export function sniff(
  socket: Socket,
  limitMs: number,
  handOver: (socket: Socket, version: HttpVersion) => void,
): void {
  let seen = Buffer.alloc(0);
  const timer = setTimeout(onTimeout, limitMs);
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
  socket.on('close', onClose);

  function onReadable(): void {
    const bytes: unknown = socket.read();
    if (!Buffer.isBuffer(bytes)) return;
    seen = Buffer.concat([seen, bytes]);
    const version = httpVersionOf(seen);
    if (version === undefined) return;
    release();
    socket.unshift(seen);
    handOver(socket, version);
  }

  function onTimeout(): void {
    socket.destroy();
  }

  function onEnd(): void {
    socket.destroy();
  }

  function onClose(): void {
    release();
  }

  function release(): void {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('end', onEnd);
    socket.off('close', onClose);
  }
}
