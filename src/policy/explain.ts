import type { Place } from '../kube/place.ts';
import type { RequestClass } from '../kube/request-info.ts';
import type { FailOpenBudget } from './decide.ts';
import { decideRequest, decideSession } from './decide.ts';
import type { CapabilityRule } from './rules.ts';

/**
 * What becomes of a request. `handedOver`: one of its recorders is lost, and another has it. `audited`: it passes
 * unrecorded, by rule, and the audit says so.
 */
export type Fate = 'passes' | 'audited' | 'recorded' | 'handedOver' | 'unrecorded' | 'refused';

/** What would become of a request, in words for people. */
export interface Explanation {
  readonly fate: Fate;
  readonly text: string;
}

export interface Circumstances {
  /** Left out: not known, so that every rule holds. */
  readonly place?: Place;
  /** Recorders that accept nothing, `host:port`. */
  readonly lost?: readonly string[];
}

/**
 * The decision of the proxy itself, and what follows from it. Whether the API server then allows the request is its own
 * affair.
 */
export function explain(
  rules: readonly CapabilityRule[],
  requestClass: RequestClass,
  { place = {}, lost = [] }: Circumstances = {},
): Explanation {
  if (requestClass === 'session') return explainSession(rules, place, lost);
  const decision = decideRequest(rules, requestClass, place);
  switch (decision.kind) {
    case 'pass':
      return { fate: 'passes', text: 'passes' };
    case 'audit':
      return { fate: 'audited', text: `passes unrecorded, and is audited: ${decision.origins.join(', ')}` };
    case 'refuse':
      return { fate: 'refused', text: `refused: ${decision.message}` };
  }
}

function explainSession(
  rules: readonly CapabilityRule[],
  place: Place,
  lost: readonly string[],
): Explanation {
  const decision = decideSession(rules, place);
  switch (decision.kind) {
    case 'pass':
      return { fate: 'passes', text: 'passes unrecorded: no rule asks for a recording' };
    case 'refuse':
      return { fate: 'refused', text: `refused: ${decision.message}` };
    case 'record': {
      const { recorders, failMode, origins, budgets = [] } = decision;
      const left = recorders.filter(recorder => !lost.includes(recorder));
      const by = origins.join(', ');
      const within = budgets.length === 0 ? '' : ` (within ${budgets.map(budgetInWords).join(' and ')})`;
      const otherwise = failMode === 'closed' ? 'refused' : `passes unrecorded${within}`;
      if (left.length > 0) {
        const fate = left.length === recorders.length ? 'recorded' : 'handedOver';
        return { fate, text: `recorded by ${left.join(' or ')}, else ${otherwise}: ${by}` };
      }
      return {
        fate: failMode === 'closed' ? 'refused' : 'unrecorded',
        text: `${otherwise}, since no recorder is left (fail ${failMode}): ${by}`,
      };
    }
  }
}

function budgetInWords({ rule, secondsPerDay, concurrent }: FailOpenBudget): string {
  const limits = [
    ...(secondsPerDay === undefined ? [] : [`${secondsPerDay} s a day`]),
    ...(concurrent === undefined ? [] : [`${concurrent} at once`]),
  ];
  return `${limits.join(', ')} by ${rule}`;
}
