import type { IncomingMessage, ServerResponse } from 'node:http';
import { pairsOf, upstreamResponseHeaders } from '../headers.ts';

/** Fields that change framing or meaning when they come late (RFC 9110 section 6.5.1). */
const NEVER_TRAILERS: ReadonlySet<string> = new Set([
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'connection',
  'host',
  'set-cookie',
  'trailer',
]);

/**
 * Passes upstream's answer on: status, reason, end-to-end lines with repeats, order and case, and the body as it comes.
 * An answer that is cut upstream is cut here, never ended as if it were whole. Trailers follow where the client's framing
 * has a place for them (RFC 9112 section 7.1.2). Throws when a line cannot be written as HTTP, before anything was.
 */
export function passResponse(answer: IncomingMessage, response: ServerResponse): void {
  const { statusCode = 502, statusMessage = '' } = answer;
  response.writeHead(statusCode, statusMessage, upstreamResponseHeaders(answer.rawHeaders));
  answer.on('error', onAnswerError);
  answer.on('close', () => {
    if (!answer.complete) response.destroy();
  });
  // Before `pipe` hears the end and ends the response, after which nothing can be added.
  answer.on('end', () => passTrailers(answer, response));
  answer.pipe(response);
  // A watch sends its headers long before its first event, and clients wait for them. Where a body has come along with
  // them, both go in one write.
  process.nextTick(() => {
    if (!answer.readableDidRead && !response.writableEnded && !response.destroyed) response.flushHeaders();
  });
}

function passTrailers(answer: IncomingMessage, response: ServerResponse): void {
  const trailers = pairsOf(answer.rawTrailers)
    .filter(([name]) => !NEVER_TRAILERS.has(name.toLowerCase()))
    .map(([name, value]): [string, string] => [name, value]);
  if (trailers.length === 0 || !response.chunkedEncoding) return;
  try {
    response.addTrailers(trailers);
  } catch {
    // Node refuses a value with control bytes. The answer itself is whole, so it is not worth cutting for a trailer.
  }
}

/** 'close' follows, and tells by `complete` whether the answer was cut. */
function onAnswerError(): void {}
