import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WitnessError } from '../errors.ts';
import { retryAfterOf } from '../errors.ts';
import { pairsOf, upstreamResponseHeaders, valuesOf } from '../headers.ts';
import { statusOf } from '../kube/status.ts';
import { drained, sayGoodbye } from './goodbye.ts';

/** How long upstream's refusal may take to pass, from first to last byte. */
const PASS_MS = 10_000;

/**
 * A Status as an HTTP/1.1 answer on a raw socket, which then ends. Resolves when the socket is closed: by the client,
 * or by us after a bounded wait. Never rejects.
 */
export async function answerErrorOnSocket(socket: Duplex, error: WitnessError): Promise<void> {
  if (socket.destroyed || socket.writableEnded) return;
  const body = JSON.stringify(statusOf(error));
  const retryAfter = retryAfterOf(error);
  socket.write(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}\r\n` +
      'Content-Type: application/json\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      'Cache-Control: no-cache, private\r\n' +
      (retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`) +
      `Connection: close\r\n\r\n${body}`,
  );
  await sayGoodbye(socket);
}

/**
 * Upstream's refusal of an upgrade as it came: status, lines with repeats and case, body. Only the framing is ours,
 * since the connection ends here. What is cut upstream is cut for the client too. Resolves when both are closed, within
 * a bounded time. Never rejects.
 */
export async function answerAsItCame(socket: Duplex, response: IncomingMessage): Promise<void> {
  const cut = (): void => {
    socket.destroy();
    response.destroy();
  };
  const onClientGone = (): void => {
    response.destroy();
  };
  const timer = setTimeout(cut, PASS_MS);
  socket.on('close', onClientGone);
  socket.on('error', onClientGone);
  try {
    if (socket.destroyed) return;
    const chunked = writeHead(socket, response);
    for await (const chunk of bodyOf(response)) {
      const framed = chunked ? [`${chunk.length.toString(16)}\r\n`, chunk, '\r\n'] : [chunk];
      for (const piece of framed) if (!socket.write(piece)) await drained(socket);
    }
    if (chunked) socket.write('0\r\n\r\n');
    response.destroy();
    await sayGoodbye(socket);
  } catch {
    // Upstream's connection broke, which the client is to see as such; the session's machine has its cause already.
    cut();
  } finally {
    clearTimeout(timer);
    response.destroy();
    socket.off('close', onClientGone);
    socket.off('error', onClientGone);
  }
}

/** Writes status line and headers. True if the body is to go in chunks. */
function writeHead(socket: Duplex, response: IncomingMessage): boolean {
  const { statusCode = 502, statusMessage = '', rawHeaders } = response;
  // Informational and 204, 304 answers have no body and no framing (RFC 9112 section 6.3).
  const bodiless = statusCode < 200 || statusCode === 204 || statusCode === 304;
  const chunked = !bodiless && valuesOf(rawHeaders, 'content-length').length === 0;
  const lines = pairsOf(upstreamResponseHeaders(rawHeaders)).map(([name, value]) => `${name}: ${value}\r\n`);
  if (chunked) lines.push('Transfer-Encoding: chunked\r\n');
  const head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join('')}Connection: close\r\n\r\n`;
  socket.write(Buffer.from(head, 'latin1'));
  return chunked;
}

async function* bodyOf(response: IncomingMessage): AsyncGenerator<Buffer> {
  for await (const chunk of response) if (Buffer.isBuffer(chunk) && chunk.length > 0) yield chunk;
}
