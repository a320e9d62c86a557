/**
 * One rule of the Tailscale capability `tailscale.com/cap/kubernetes`, which the `grants:` of our own config share.
 */
export interface CapabilityRule {
  /** Where it came from, for messages: `grants[2]`, or `tailscale.com/cap/kubernetes[0]`. */
  readonly origin: string;
  readonly impersonateGroups: readonly string[];
  /** `host:port`, with IPv6 in brackets. */
  readonly recorderAddrs: readonly string[];
  readonly enforceRecorder: boolean;
}

/** What all rules of a caller say together: union of groups, addresses in order, the strictest flags. */
export interface MergedRules {
  readonly impersonateGroups: readonly string[];
  readonly recorderAddrs: readonly string[];
  readonly enforceRecorder: boolean;
  /** Origins of the rules that matter for recording, for messages and audit. */
  readonly origins: readonly string[];
}
