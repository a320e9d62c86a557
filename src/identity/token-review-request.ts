import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { WitnessError } from '../errors.ts';
import { causeOf } from '../upstream/failure.ts';
import { requestUpstream, withOwnHeaders } from '../upstream/request.ts';
import type { Upstream } from '../upstream/target.ts';

/** What the API server says of a token: `status` of an authentication.k8s.io/v1 TokenReview. */
export interface Review {
  readonly authenticated: boolean;
  readonly user: {
    readonly username: string;
    readonly uid: string;
    readonly groups: readonly string[];
    readonly extra: Readonly<Record<string, readonly string[]>>;
  };
  /** Those of the asked audiences that the token is for. */
  readonly audiences: readonly string[];
}

/** Reviews one token. Rejects with KW_IDENTITY_UNAVAILABLE when the API server gave no verdict. */
export type Reviewer = (token: string, audiences: readonly string[]) => Promise<Review>;

const REVIEW_MS = 10_000;
/** Bytes of an answer; it repeats the token. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';

/** Go leaves empty fields out. */
const reviewSchema = z.object({
  kind: z.literal('TokenReview'),
  status: z.object({
    authenticated: z.boolean().default(false),
    user: z
      .object({
        username: z.string().default(''),
        uid: z.string().default(''),
        groups: z.array(z.string()).nullish(),
        extra: z.record(z.string(), z.array(z.string())).nullish(),
      })
      .prefault({}),
    audiences: z.array(z.string()).nullish(),
  }),
});

/** Asks the API server with our own credential, which needs `create` on tokenreviews. */
export function reviewAtUpstream(upstream: Upstream, limits: { readonly timeoutMs?: number } = {}): Reviewer {
  const timeoutMs = limits.timeoutMs ?? REVIEW_MS;
  return async (token, audiences) => {
    const body = Buffer.from(
      JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, ...(audiences.length === 0 ? {} : { audiences }) },
      }),
    );
    const answer = await post(upstream, body, timeoutMs);
    const parsed = reviewSchema.safeParse(parseJson(answer));
    if (!parsed.success) throw noVerdict('its answer is not a TokenReview', parsed.error);
    const { authenticated, user, audiences: found } = parsed.data.status;
    const { username, uid, groups, extra } = user;
    return {
      authenticated,
      user: { username, uid, groups: groups ?? [], extra: extra ?? {} },
      audiences: found ?? [],
    };
  };
}

function post(upstream: Upstream, body: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const lines = ['Content-Type', 'application/json', 'Accept', 'application/json'];
    const request = requestUpstream(upstream, {
      method: 'POST',
      path: `${upstream.pathPrefix}${PATH}`,
      headers: [...withOwnHeaders(upstream, lines), 'Content-Length', String(body.length)],
    });
    const settle = (): void => {
      clearTimeout(timer);
      request.destroy();
    };
    const fail = (words: string, cause?: unknown): void => {
      settle();
      reject(noVerdict(words, cause));
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

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw noVerdict('its answer is not JSON', error);
  }
}

function noVerdict(words: string, cause?: unknown): WitnessError {
  const message = `the API server does not say whose token that is: ${words}`;
  return new WitnessError('KW_IDENTITY_UNAVAILABLE', message, { cause });
}
