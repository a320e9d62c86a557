import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { WitnessError } from '../errors.ts';
import type { Caller } from '../policy/caller.ts';
import { checkedCaller } from '../policy/caller.ts';
import type { CallerSource, Verdict } from './authenticate.ts';
import { bearerToken } from './bearer.ts';
import type { Grant } from './grants.ts';
import { rulesFor } from './grants.ts';
import { expiryOf } from './jwt-expiry.ts';
import { ShortCache } from './short-cache.ts';
import type { Review, Reviewer } from './token-review-request.ts';

/** For how long the API server's yes holds, and its no. */
const KEEP_KNOWN_MS = 60_000;
const KEEP_UNKNOWN_MS = 5_000;
/** Verdicts that are remembered; the noes go first. */
const MAX_VERDICTS = 1_000;
/** Reviews under way. Whoever sends made-up tokens must not do more than this to the API server. */
const MAX_REVIEWS = 64;
/** Bytes of a token; real ones have a tenth of it. */
const MAX_TOKEN_BYTES = 32 * 1024;

export interface TokenReviewOptions {
  readonly review: Reviewer;
  /** For which of these a token must be issued; empty: for the API server itself. */
  readonly audiences: readonly string[];
  readonly grants: readonly Grant[];
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  /** Upper limit for a yes; the token's own end can be nearer. */
  readonly keepMs?: number;
}

/** Knows callers by bearer tokens that the API server knows: service accounts, OIDC, webhooks. */
export function tokenReviewSource(options: TokenReviewOptions): CallerSource {
  const { review, audiences, grants, clock, log, keepMs = KEEP_KNOWN_MS } = options;
  const cache = new ShortCache<Caller | undefined>(MAX_VERDICTS, clock);
  let underWay = 0;

  const ask = async (token: string) => {
    if (underWay >= MAX_REVIEWS) {
      throw new WitnessError('KW_IDENTITY_UNAVAILABLE', 'too many tokens are being reviewed; try again');
    }
    underWay += 1;
    try {
      const value = callerOf(await review(token, audiences), audiences, grants);
      if (value === undefined) return { value, keepMs: KEEP_UNKNOWN_MS };
      const leftMs = (expiryOf(token) ?? Number.POSITIVE_INFINITY) - clock.now();
      return { value, keepMs: Math.max(Math.min(keepMs, leftMs), 0) };
    } catch (error) {
      if (error instanceof WitnessError && error.code === 'KW_IDENTITY_UNAVAILABLE') {
        log.warn({ error: error.message }, 'token review failed');
      }
      throw error;
    } finally {
      underWay -= 1;
    }
  };

  return {
    name: 'tokenReview',
    reads: 'bearerToken',
    find: async ({ rawHeaders }) => {
      const token = bearerToken(rawHeaders);
      if (token === undefined) return notMine('no bearer token was sent', false);
      if (token.length > MAX_TOKEN_BYTES) return notMine('the bearer token is too long', true);
      // Of the token only this stays in memory.
      const digest = createHash('sha256').update(token, 'utf8').digest('base64');
      const caller = await cache.get(digest, () => ask(token));
      return caller === undefined
        ? notMine('the API server does not accept the bearer token', true)
        : { kind: 'known', caller };
    },
  };
}

function callerOf(
  { authenticated, user, audiences: found }: Review,
  audiences: readonly string[],
  grants: readonly Grant[],
): Caller | undefined {
  if (!authenticated) return undefined;
  // An authenticator that knows nothing of audiences names none: its yes is for any of them, and so for none of ours.
  if (audiences.length > 0 && !audiences.some(audience => found.includes(audience))) return undefined;
  const { username, uid, groups, extra } = user;
  return checkedCaller({
    user: username,
    groups,
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
    source: 'tokenReview',
    rules: rulesFor(grants, { user: username, groups }),
  });
}

function notMine(message: string, shown: boolean): Verdict {
  return { kind: 'notMine', shown, refusal: new WitnessError('KW_UNAUTHENTICATED', message) };
}
