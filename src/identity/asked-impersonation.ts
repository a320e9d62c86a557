import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { pairsOf, valuesOf } from '../headers.ts';
import { singleValue } from '../kube/single-value.ts';
import type { Caller } from '../policy/caller.ts';
import { refuseUncarriable } from '../policy/caller.ts';
import type { UpstreamMode } from '../policy/impersonate.ts';
import { ORIGINAL_USER } from '../policy/impersonate.ts';
import { matchesName } from '../policy/match-name.ts';
import type { CapabilityRule } from '../policy/rules.ts';
import type { Grant } from './grants.ts';
import { rulesFor } from './grants.ts';
import { decodeExtraKey, decodeHeaderText } from './header-text.ts';

/** Whom a client wants to act as: `kubectl --as … --as-group … --as-uid …`. */
export interface AskedImpersonation {
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  /** Keys of the extra values that were asked for. */
  readonly extraKeys: readonly string[];
}

/** Who really calls, also where they act as somebody else. */
export function realUser({ user, extra }: Pick<Caller, 'user' | 'extra'>): string {
  return extra?.[ORIGINAL_USER]?.[0] ?? user;
}

const EXTRA_PREFIX = 'impersonate-extra-';

/**
 * Reads `Impersonate-*` headers of a client. Undefined when there is none. Throws KW_BAD_REQUEST for what the API server
 * would not take either, and for two users, of which it would take the first.
 */
export function readAskedImpersonation(raw: RawHeaders): AskedImpersonation | undefined {
  const user = singleValue(raw, 'Impersonate-User');
  const uid = singleValue(raw, 'Impersonate-Uid');
  const groups = valuesOf(raw, 'Impersonate-Group').map(decodeHeaderText);
  const extraKeys = pairsOf(raw)
    .map(([name]) => name.toLowerCase())
    .filter(name => name.startsWith(EXTRA_PREFIX))
    .map(name => decodeExtraKey(name.slice(EXTRA_PREFIX.length)));
  if (user === undefined || user === '') {
    if (user === undefined && uid === undefined && groups.length === 0 && extraKeys.length === 0)
      return undefined;
    throw new WitnessError('KW_BAD_REQUEST', 'Impersonate-User must name whom you want to act as');
  }
  return {
    user: decodeHeaderText(user),
    groups,
    ...(uid === undefined ? {} : { uid: decodeHeaderText(uid) }),
    extraKeys,
  };
}

/**
 * The rule that lets a caller act so: one that allows the user and every group by itself, since two rules together can
 * allow what neither meant. Throws KW_FORBIDDEN when there is none.
 */
export function mayImpersonate(rules: readonly CapabilityRule[], asked: AskedImpersonation): CapabilityRule {
  if (asked.uid !== undefined || asked.extraKeys.length > 0) {
    throw forbidden('you may not act as somebody with a uid or extra values: no rule can allow that');
  }
  const { user, groups } = asked;
  const found = rules.find(({ impersonateAs: allowed }) => {
    if (allowed === undefined) return false;
    return isAllowed(allowed.users, user) && groups.every(group => isAllowed(allowed.groups, group));
  });
  if (found !== undefined) return found;
  const whom = [JSON.stringify(user), ...groups.map(group => `group ${JSON.stringify(group)}`)].join(', ');
  throw forbidden(`you may not act as ${whom}: no rule of yours has an "impersonateAs" that allows it`);
}

/** Names of the system itself are meant only by those who write so: `*` must not make anybody a system:masters. */
function isAllowed(patterns: readonly string[], name: string): boolean {
  return patterns.some(
    pattern => matchesName(pattern, name) && (!name.startsWith('system:') || pattern.startsWith('system:')),
  );
}

/**
 * The caller as they will act upstream: with the asked name and groups and nothing of their own but the trace of who they
 * are. Every rule of theirs goes on to hold, and so do those for the asked name. In `noauth` the API server says whom they
 * may act as, and only the rules are added. Throws KW_FORBIDDEN.
 */
export function actingAs(
  caller: Caller,
  asked: AskedImpersonation,
  grants: readonly Grant[],
  mode: UpstreamMode = 'auth',
): Caller {
  const rules = [...caller.rules, ...rulesFor(grants, asked)];
  if (mode === 'noauth') return { ...caller, rules };
  mayImpersonate(caller.rules, asked);
  const { source, device } = caller;
  const acting: Caller = {
    user: asked.user,
    groups: [...new Set(asked.groups)],
    extra: { [ORIGINAL_USER]: [caller.user] },
    source,
    rules,
    ...(device === undefined ? {} : { device }),
  };
  refuseUncarriable(acting);
  return acting;
}

function forbidden(message: string): WitnessError {
  return new WitnessError('KW_FORBIDDEN', message);
}
