import { createHash, timingSafeEqual } from 'node:crypto';
import { WitnessError } from '../errors.ts';
import type { Caller } from '../policy/caller.ts';
import { checkedCaller } from '../policy/caller.ts';
import type { Authenticator, CallerSource, Verdict } from './authenticate.ts';
import { bearerToken } from './bearer.ts';
import type { Grant } from './grants.ts';
import { rulesFor } from './grants.ts';
import { firstThatKnows } from './sources.ts';

/** One identity that is known by a token of its own. */
export interface StaticIdentity {
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  /** The token itself, or its SHA-256 as 64 hex digits. */
  readonly secret: { readonly token: string } | { readonly tokenSha256: string };
}

/** Callers who are known by static tokens alone. Throws as `staticSource` does. */
export function staticTokens(identities: readonly StaticIdentity[], grants: readonly Grant[]): Authenticator {
  return firstThatKnows([staticSource(identities, grants)]);
}

/**
 * Knows callers by tokens of the configuration. Throws KW_FORBIDDEN for an identity that cannot act upstream, and a
 * RangeError for a digest that is not 64 hex digits or for two identities with one token.
 */
export function staticSource(identities: readonly StaticIdentity[], grants: readonly Grant[]): CallerSource {
  const known = identities.map(({ secret, ...identity }) => ({
    digest: digestOf(secret),
    caller: checkedCaller({ ...identity, source: 'static', rules: rulesFor(grants, identity) }),
  }));
  refuseSharedTokens(known);
  return {
    name: 'static',
    reads: 'bearerToken',
    find: async ({ rawHeaders }) => {
      const token = bearerToken(rawHeaders);
      if (token === undefined) return notMine('no bearer token was sent', false);
      const digest = sha256(token);
      let caller: Caller | undefined;
      // All are compared, each in constant time: how long it takes tells nothing about any of them.
      for (const entry of known) {
        if (timingSafeEqual(entry.digest, digest)) caller = entry.caller;
      }
      return caller === undefined
        ? notMine('the bearer token is not known', true)
        : { kind: 'known', caller };
    },
  };
}

function notMine(message: string, shown: boolean): Verdict {
  return { kind: 'notMine', shown, refusal: new WitnessError('KW_UNAUTHENTICATED', message) };
}

/** Which of the two would act would be chance. */
function refuseSharedTokens(known: readonly { readonly digest: Buffer; readonly caller: Caller }[]): void {
  const users = new Map<string, string>();
  for (const { digest, caller } of known) {
    const key = digest.toString('hex');
    const other = users.get(key);
    if (other !== undefined)
      throw new RangeError(`the users ${other} and ${caller.user} have the same token`);
    users.set(key, caller.user);
  }
}

function digestOf(secret: StaticIdentity['secret']): Buffer {
  if ('token' in secret) return sha256(secret.token);
  if (!/^[0-9a-f]{64}$/i.test(secret.tokenSha256)) throw new RangeError('tokenSha256 must be 64 hex digits');
  return Buffer.from(secret.tokenSha256, 'hex');
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
