import type { RawHeaders } from '../headers.ts';
import type { Caller } from '../policy/caller.ts';

/** What an identity source may look at. */
export interface IdentityRequest {
  readonly rawHeaders: RawHeaders;
  readonly remoteAddress: string | undefined;
}

/**
 * Finds the caller behind a request. Rejects with a WitnessError: KW_UNAUTHENTICATED when nobody is known by what was
 * sent, KW_RULES_UNREADABLE or KW_FORBIDDEN when somebody is and may not act.
 */
export type Authenticator = (request: IdentityRequest) => Promise<Caller>;
