import type { Caller, Device } from '../policy/caller.ts';
import { checkedCaller } from '../policy/caller.ts';
import { parseCapability } from '../policy/parse-capability.ts';
import type { CapabilityRule } from '../policy/rules.ts';
import { mergeRules } from '../policy/rules.ts';
import type { Peer } from '../tailscale/local-api.ts';
import type { Grant } from './grants.ts';
import { rulesFor } from './grants.ts';

const CAPABILITY = 'tailscale.com/cap/kubernetes';
/** Its name until 2024, still in use for groups. */
const OLD_CAPABILITY = 'https://tailscale.com/cap/kubernetes';

/**
 * The caller behind a peer, with the names that Tailscale's own proxy gives. Throws KW_RULES_UNREADABLE when one of the
 * grants cannot be read, and KW_FORBIDDEN for an identity that cannot be carried upstream.
 */
export function callerOfPeer(peer: Peer, grants: readonly Grant[]): Caller {
  const device = deviceOf(peer);
  const user = device.tags.length > 0 ? device.node : peer.user.loginName;
  const { tags } = device;
  const rules = [...capabilityRules(peer.capabilities), ...rulesFor(grants, { user, groups: tags, tags })];
  // From before there were grants: a tagged node that is granted no group stands for its tags.
  const groups = mergeRules(rules).impersonateGroups.length === 0 ? tags : [];
  return checkedCaller({ user, groups, source: 'tailscale', rules, device });
}

function deviceOf({ node, user }: Peer): Device {
  const name = node.name.replace(/\.$/, '');
  if (node.tags.length > 0) return { node: name, nodeId: node.stableId, tags: node.tags };
  return {
    node: name,
    nodeId: node.stableId,
    tags: [],
    ...(node.userId === undefined ? {} : { userId: node.userId }),
    userName: user.loginName,
  };
}

/** The old name is heard only where the new one says nothing, and only about groups. */
function capabilityRules(capabilities: Peer['capabilities']): CapabilityRule[] {
  const rules = read(capabilities, CAPABILITY);
  if (rules.length > 0) return rules;
  return read(capabilities, OLD_CAPABILITY).map(({ origin, impersonateGroups }) => ({
    origin,
    impersonateGroups,
    recorderAddrs: [],
    enforceRecorder: false,
  }));
}

function read(capabilities: Peer['capabilities'], name: string): CapabilityRule[] {
  return (capabilities.get(name) ?? []).map((value, at) => parseCapability(value, `${name}[${at}]`));
}
