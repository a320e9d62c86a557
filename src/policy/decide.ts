import type { ErrorCode } from '../errors.ts';
import type { Place } from '../kube/place.ts';
import type { RequestClass } from '../kube/request-info.ts';
import type { CapabilityRule } from './rules.ts';
import { mergeRules } from './rules.ts';
import { rulesAt } from './scope.ts';

/** What the rules say about a session, with the origins of the rules that said it. */
export type Decision =
  | { readonly kind: 'pass'; readonly origins: readonly string[] }
  | {
      readonly kind: 'record';
      /** What happens when no recorder takes the session: it goes on unrecorded, or it does not happen. */
      readonly failMode: 'open' | 'closed';
      /** `host:port`, in the order to be tried. Never empty. */
      readonly recorders: readonly string[];
      readonly origins: readonly string[];
      /** Under fail open: each must have room when the recording fails. Left out: no rule has one. */
      readonly budgets?: readonly FailOpenBudget[];
    }
  | {
      readonly kind: 'refuse';
      readonly code: ErrorCode;
      readonly message: string;
      readonly origins: readonly string[];
    };

/** How much a rule lets go on unrecorded: at least one of the two is there. */
export interface FailOpenBudget {
  /** Origin of the rule. */
  readonly rule: string;
  /** Of all its sessions together, in one UTC day. */
  readonly secondsPerDay?: number;
  /** Sessions at one moment. */
  readonly concurrent?: number;
}

export type RequestDecision =
  | { readonly kind: 'pass' }
  /** May go on although it leads past the recorder, and is audited as such. */
  | { readonly kind: 'audit'; readonly origins: readonly string[] }
  | { readonly kind: 'refuse'; readonly code: ErrorCode; readonly message: string };

/** Made once for each session, of the caller's rules at its pod alone. A place that is not given meets every rule. */
export function decideSession(all: readonly CapabilityRule[], place: Place = {}): Decision {
  const rules = rulesAt(all, place);
  const { recorderAddrs: recorders, enforceRecorder, origins } = mergeRules(rules);
  if (recorders.length > 0) {
    if (enforceRecorder) return { kind: 'record', failMode: 'closed', recorders, origins };
    const budgets = rules.flatMap(({ origin, failOpenBudget }) =>
      failOpenBudget === undefined ? [] : [{ rule: origin, ...failOpenBudget }],
    );
    return {
      kind: 'record',
      failMode: 'open',
      recorders,
      origins,
      ...(budgets.length === 0 ? {} : { budgets }),
    };
  }
  if (!enforceRecorder) return { kind: 'pass', origins };
  return {
    kind: 'refuse',
    code: 'KW_RECORDER_UNAVAILABLE',
    message: `sessions must be recorded by ${enforcing(rules)}, and no recorder is named for you`,
    origins,
  };
}

/** Roads that lead past the recorder, with the words for people. */
const UNRECORDABLE: Readonly<Partial<Record<RequestClass, string>>> = {
  tunnel: 'a port-forward is a tunnel that cannot be recorded',
  relay: 'the proxy subresource of pods and services leads to programs that cannot be recorded',
  node: 'the subresources of nodes lead to the kubelet, which runs commands unrecorded',
  debug: 'a container added to a running pod runs a command unrecorded',
  foreign: 'this path leads to a session of another API, which cannot be recorded',
};

/**
 * Whether a request that is no session may go upstream, by the ordinary road or as an upgrade. Every rule that enforces
 * a recorder must allow it by itself, and no other rule may deny it: strictest wins. A place that is not given meets every
 * rule.
 */
export function decideRequest(
  all: readonly CapabilityRule[],
  requestClass: RequestClass,
  place: Place = {},
): RequestDecision {
  const rules = rulesAt(all, place);
  const why = UNRECORDABLE[requestClass];
  const enforcers = rules.filter(rule => rule.enforceRecorder);
  if (why === undefined || enforcers.length === 0) return { kind: 'pass' };
  const denying = rules.filter(
    rule => rule.unrecordable === 'deny' || (rule.enforceRecorder && rule.unrecordable !== 'audit'),
  );
  if (denying.length === 0) return { kind: 'audit', origins: originsOf(enforcers) };
  return {
    kind: 'refuse',
    code: 'KW_FORBIDDEN',
    message:
      `${why}, and your sessions must be recorded by ${enforcing(rules)}; ` +
      `it is allowed by "unrecordable: audit" in ${originsOf(denying).join(', ')}`,
  };
}

function enforcing(rules: readonly CapabilityRule[]): string {
  return originsOf(rules.filter(rule => rule.enforceRecorder)).join(', ');
}

function originsOf(rules: readonly CapabilityRule[]): string[] {
  return rules.map(rule => rule.origin);
}
