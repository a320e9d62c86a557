import { z } from 'zod';
import { messageOf, WitnessError } from '../errors.ts';
import { postJson } from '../upstream/post-json.ts';
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
    const question = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, ...(audiences.length === 0 ? {} : { audiences }) },
    };
    const answer = await postJson(upstream, PATH, question, { timeoutMs }).catch(error => {
      throw noVerdict(messageOf(error), error);
    });
    const parsed = reviewSchema.safeParse(answer);
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

function noVerdict(words: string, cause?: unknown): WitnessError {
  const message = `the API server does not say whose token that is: ${words}`;
  return new WitnessError('KW_IDENTITY_UNAVAILABLE', message, { cause });
}
