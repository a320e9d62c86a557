import { grantsOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import { rulesFor, serviceAccountGroups } from '../identity/grants.ts';
import { callerOfPeer } from '../identity/peer-caller.ts';
import type { Caller } from '../policy/caller.ts';
import { checkedCaller } from '../policy/caller.ts';

/** Who is supposed to call: a user, a tagged device by the name of its node, or a service account. */
export interface Supposed {
  readonly user?: string;
  /** Left out: those that `identity.static` names for the user. */
  readonly groups?: readonly string[];
  /** Of the device. */
  readonly tags?: readonly string[];
  /** `NAMESPACE:NAME` or `NAMESPACE/NAME`. */
  readonly serviceaccount?: string;
}

/**
 * The caller as the identity source would give them, with the rules of the configuration. Throws for one who could not
 * be, and for one who cannot be carried upstream.
 */
export function supposedCaller(config: Config, { user, groups, tags, serviceaccount }: Supposed): Caller {
  const grants = grantsOf(config);
  if (tags !== undefined) {
    if (user === undefined || groups !== undefined || serviceaccount !== undefined) {
      throw new Error('a tagged device is known by the name of its node (--as) and has no groups of its own');
    }
    const node = { name: user, stableId: '', userId: undefined, tags };
    return callerOfPeer({ node, user: { id: undefined, loginName: '' }, capabilities: new Map() }, grants);
  }
  const identity =
    serviceaccount === undefined ? person(config, user, groups) : account(serviceaccount, groups);
  return checkedCaller({ ...identity, rules: rulesFor(grants, identity) });
}

function person(config: Config, user: string | undefined, groups: readonly string[] | undefined) {
  if (user === undefined) throw new Error('nobody is named: give --as or --serviceaccount');
  return { user, groups: groups ?? groupsOf(config, user), source: 'static' as const };
}

function account(serviceaccount: string, groups: readonly string[] | undefined) {
  const [namespace = '', name = '', ...more] = serviceaccount.split(/[:/]/);
  if (namespace === '' || name === '' || more.length > 0) {
    throw new Error(
      `cannot read the service account ${JSON.stringify(serviceaccount)}: write NAMESPACE:NAME`,
    );
  }
  const user = `system:serviceaccount:${namespace}:${name}`;
  const own = [...serviceAccountGroups(user), 'system:authenticated'];
  return { user, groups: groups ?? own, source: 'tokenReview' as const };
}

function groupsOf({ identity }: Config, user: string): readonly string[] {
  const named = (identity.static ?? []).filter(candidate => candidate.user === user);
  if (named.length > 1) {
    throw new Error(
      `identity.static names ${JSON.stringify(user)} ${named.length} times: say which groups with --group`,
    );
  }
  return named[0]?.groups ?? [];
}

/** Rules of a tailnet stand in its policy and not in the file. */
export function tailnetNote({ identity }: Config): string[] {
  if (identity.tailscale === undefined) return [];
  return ['note:     rules that the policy of the tailnet gives to a device come on top of these'];
}

/** Throws for a recorder that no grant names: what is misspelled would be lost without effect. */
export function refuseUnknownRecorders({ grants }: Config, recorders: readonly string[]): void {
  const known = new Set(grants.flatMap(({ recorderAddrs }) => recorderAddrs));
  for (const recorder of recorders) {
    if (!known.has(recorder)) throw new Error(`no grant names a recorder ${JSON.stringify(recorder)}`);
  }
}
