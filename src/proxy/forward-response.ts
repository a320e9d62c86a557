import type { IncomingMessage, ServerResponse } from 'node:http';
import { upstreamResponseHeaders } from '../headers.ts';

/**
 * Passes upstream's answer on: status, reason, end-to-end lines with repeats, order and case, and the body as it comes.
 * An answer that is cut upstream is cut here, never ended as if it were whole. Trailers are dropped; the API server
 * sends none. Throws when a line cannot be written as HTTP, before anything was.
 */
export function passResponse(answer: IncomingMessage, response: ServerResponse): void {
  const { statusCode = 502, statusMessage = '' } = answer;
  response.writeHead(statusCode, statusMessage, upstreamResponseHeaders(answer.rawHeaders));
  answer.on('error', onAnswerError);
  answer.on('close', () => {
    if (!answer.complete) response.destroy();
  });
  answer.pipe(response);
  // A watch sends its headers long before its first event, and clients wait for them. Where a body has come along with
  // them, both go in one write.
  process.nextTick(() => {
    if (!answer.readableDidRead && !response.writableEnded && !response.destroyed) response.flushHeaders();
  });
}

/** 'close' follows, and tells by `complete` whether the answer was cut. */
function onAnswerError(): void {}
