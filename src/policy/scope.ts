import type { Place } from '../kube/place.ts';
import { matchesName } from './match-name.ts';
import type { CapabilityRule } from './rules.ts';

/**
 * Where what a rule says about recording holds: names in which `*` stands for any run of characters. A list that is left
 * out: everywhere.
 */
export interface RecordingScope {
  readonly namespaces?: readonly string[];
  readonly pods?: readonly string[];
}

/**
 * The rules whose words about recording hold at a place. What is not known of it counts as selected, so that a road whose
 * end cannot be told from its path meets every rule there is.
 */
export function rulesAt(rules: readonly CapabilityRule[], place: Place): CapabilityRule[] {
  return rules.filter(
    ({ scope = {} }) => selects(scope.namespaces, place.namespace) && selects(scope.pods, place.pod),
  );
}

function selects(patterns: readonly string[] | undefined, name: string | undefined): boolean {
  if (patterns === undefined || name === undefined) return true;
  return patterns.some(pattern => matchesName(pattern, name));
}
