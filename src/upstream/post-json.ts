import type { IncomingMessage } from 'node:http';
import { causeOf } from './failure.ts';
import { requestUpstream, withOwnHeaders } from './request.ts';
import type { Upstream } from './target.ts';

/** Bytes of an answer; a review repeats what it was asked. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** The API server gave no answer that can be read. The message is its predicate: `it answered 403`. */
export class NoAnswer extends Error {
  constructor(words: string, cause?: unknown) {
    super(words, { cause });
    this.name = 'NoAnswer';
  }
}

/** Posts a review with our own credential. Gives what was answered, as JSON; rejects with NoAnswer within `timeoutMs`. */
export async function postJson(
  upstream: Upstream,
  path: string,
  body: object,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<unknown> {
  const answer = await post(upstream, path, Buffer.from(JSON.stringify(body)), timeoutMs);
  try {
    return JSON.parse(answer.toString('utf8'));
  } catch (error) {
    throw new NoAnswer('its answer is not JSON', error);
  }
}

function post(upstream: Upstream, path: string, body: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const lines = ['Content-Type', 'application/json', 'Accept', 'application/json'];
    const request = requestUpstream(upstream, {
      method: 'POST',
      path: `${upstream.pathPrefix}${path}`,
      headers: [...withOwnHeaders(upstream, lines), 'Content-Length', String(body.length)],
    });
    const settle = (): void => {
      clearTimeout(timer);
      request.destroy();
    };
    const fail = (words: string, cause?: unknown): void => {
      settle();
      reject(new NoAnswer(words, cause));
    };
    const timer = setTimeout(() => fail(`it did not answer within ${timeoutMs} ms`), timeoutMs);
    // Stays on: what fails after the destruction has nobody to go to.
    request.on('error', error => fail(causeOf(error).words, error));
    request.on('close', () => fail('it closed the connection before its answer was whole'));
    request.on('response', (response: IncomingMessage) => {
      const { statusCode = 0 } = response;
      if (statusCode !== 200 && statusCode !== 201) return fail(`it answered ${statusCode}`);
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > MAX_ANSWER_BYTES) fail('its answer is too long');
        else pieces.push(piece);
      });
      // An answer that is cut short: the close of the request tells.
      response.on('error', () => {});
      response.on('end', () => {
        settle();
        resolve(Buffer.concat(pieces));
      });
    });
    request.end(body);
  });
}
