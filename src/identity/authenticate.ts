import type { X509Certificate } from 'node:crypto';
import type { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import type { Caller, IdentitySource } from '../policy/caller.ts';

/** What an identity source may look at. `identityRequestOf` makes one of an HTTP request. */
export interface IdentityRequest {
  readonly rawHeaders: RawHeaders;
  /** Of the client itself: behind a PROXY listener, what the header said. */
  readonly remoteAddress: string | undefined;
  readonly remotePort?: number | undefined;
  /** Left out where the client showed none. */
  readonly peerCertificate?: PeerCertificate | undefined;
}

/** The certificate that a client showed in the TLS handshake, and has the key of. */
export interface PeerCertificate {
  readonly certificate: X509Certificate;
  /** Why the listener's authorities and revocation lists do not vouch for it, as OpenSSL names it; undefined: they do. */
  readonly flaw: string | undefined;
}

/**
 * Finds the caller behind a request. Rejects with a WitnessError: KW_UNAUTHENTICATED when nobody is known by what was
 * sent, KW_RULES_UNREADABLE or KW_FORBIDDEN when somebody is and may not act, KW_IDENTITY_UNAVAILABLE when whoever would
 * know does not answer.
 */
export type Authenticator = (request: IdentityRequest) => Promise<Caller>;

/** What one source says. An error is thrown, and is the last word: no other source is asked. */
export type Verdict =
  | { readonly kind: 'known'; readonly caller: Caller }
  | {
      readonly kind: 'notMine';
      /** Whether there was a credential that the source could have known, and did not. */
      readonly shown: boolean;
      /** The connection is that of a relay, which is not the caller: only what was sent can still tell who that is. */
      readonly relayed?: boolean;
      /** What to answer when no other source knows the caller either. */
      readonly refusal: WitnessError;
    };

export interface CallerSource {
  readonly name: IdentitySource;
  /** What it goes by. A token that one source does not know may be another's; it never counts as no token. */
  readonly reads: 'bearerToken' | 'connection';
  find(request: IdentityRequest): Promise<Verdict>;
}
