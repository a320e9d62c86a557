import type { RecordingScope } from './scope.ts';

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
  /** Every request is told to a recorder. Left out: no. */
  readonly enableEvents?: boolean;
  /** Left out: it denies where this rule enforces a recorder, and says nothing where it does not. */
  readonly unrecordable?: Unrecordable;
  /** How much may go on unrecorded under this rule where it fails open. Left out: all. */
  readonly failOpenBudget?: { readonly secondsPerDay?: number; readonly concurrent?: number };
  /** Where all of the above but `impersonateGroups` holds. Left out: everywhere. */
  readonly scope?: RecordingScope;
  /** Whom the caller may act as with `--as`. Left out: nobody. Names in which `*` stands for any run of characters. */
  readonly impersonateAs?: { readonly users: readonly string[]; readonly groups: readonly string[] };
}

/** What becomes of the roads that lead past the recorder, for a caller whose sessions must be recorded. */
export type Unrecordable = 'deny' | 'audit';

/** What all rules of a caller say together: union of groups, addresses in order, the strictest flags. */
export interface MergedRules {
  readonly impersonateGroups: readonly string[];
  readonly recorderAddrs: readonly string[];
  readonly enforceRecorder: boolean;
  readonly enableEvents: boolean;
  /** Origins of the rules that matter for recording, for messages and audit. */
  readonly origins: readonly string[];
}

/** Strictest wins; first come, first named. Without any rule: nothing granted, nothing recorded. */
export function mergeRules(rules: readonly CapabilityRule[]): MergedRules {
  return {
    impersonateGroups: unique(rules.flatMap(rule => rule.impersonateGroups)),
    recorderAddrs: unique(rules.flatMap(rule => rule.recorderAddrs)),
    enforceRecorder: rules.some(rule => rule.enforceRecorder),
    enableEvents: rules.some(rule => rule.enableEvents === true),
    origins: rules
      .filter(
        rule => rule.enforceRecorder || rule.recorderAddrs.length > 0 || rule.failOpenBudget !== undefined,
      )
      .map(rule => rule.origin),
  };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
