import type { CapabilityRule } from '../policy/rules.ts';

/** Whom a grant is for: a user or a group, where `*` stands for any run of characters. */
export type Subject = { readonly user: string } | { readonly group: string };

/** A capability rule of our own configuration, and whom it holds for. */
export interface Grant {
  readonly subjects: readonly Subject[];
  readonly rule: CapabilityRule;
}

/**
 * The rules that hold for an identity, in the order of the grants. The groups are the identity's own: a group that one
 * grant gives does not bring another grant.
 */
export function rulesFor(
  grants: readonly Grant[],
  identity: { readonly user: string; readonly groups: readonly string[] },
): CapabilityRule[] {
  return grants
    .filter(({ subjects }) =>
      subjects.some(subject =>
        'user' in subject
          ? matchesName(subject.user, identity.user)
          : identity.groups.some(group => matchesName(subject.group, group)),
      ),
    )
    .map(({ rule }) => rule);
}

/**
 * Whether a name is what a pattern says, where `*` stands for any run of characters. Takes the leftmost place for each
 * piece between stars, so the time is linear in the text for each piece.
 */
export function matchesName(pattern: string, text: string): boolean {
  const [head = '', ...pieces] = pattern.split('*');
  const tail = pieces.pop();
  if (tail === undefined) return pattern === text;
  if (!text.startsWith(head) || !text.endsWith(tail)) return false;
  let at = head.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= text.length - tail.length;
}
