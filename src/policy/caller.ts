import type { CapabilityRule } from './rules.ts';

export type IdentitySource = 'static' | 'tailscale' | 'tokenReview' | 'clientCertificate' | 'requestHeader';

/** The identity behind a client, as it will act upstream, and the rules that hold for it. */
export interface Caller {
  /** Never empty, never padded, no control characters. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  readonly source: IdentitySource;
  readonly rules: readonly CapabilityRule[];
}
