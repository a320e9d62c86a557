import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { WitnessError } from '../errors.ts';
import { retryAfterOf } from '../errors.ts';
import { statusOf } from '../kube/status.ts';

/** How long what is left of a request body is read and dropped, so that closing does not reset the answer away. */
const LINGER_MS = 2_000;

/**
 * Answers with a Kubernetes Status and closes the connection. Where an answer has begun, it is cut instead: the client
 * sees an abnormal end, never a body that looks complete. Idempotent.
 */
export function answerError(response: ServerResponse, error: WitnessError): void {
  if (response.destroyed || response.writableEnded) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = Buffer.from(JSON.stringify(statusOf(error)));
  const retryAfter = retryAfterOf(error);
  response.writeHead(error.status, STATUS_CODES[error.status] ?? 'Error', [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-cache, private',
    ...(retryAfter === undefined ? [] : ['Retry-After', String(retryAfter)]),
    'Connection',
    'close',
  ]);
  const { req: request } = response;
  if (request.complete) {
    response.end(body);
    return;
  }
  // The answer is whole by its length; the connection stays until the client has stopped sending (RFC 9112 section 9.6).
  const finish = (): void => {
    clearTimeout(timer);
    request.off('end', finish);
    response.end();
  };
  const timer = setTimeout(finish, LINGER_MS);
  response.once('close', () => clearTimeout(timer));
  response.write(body);
  request.on('end', finish);
  request.unpipe();
  request.resume();
}
