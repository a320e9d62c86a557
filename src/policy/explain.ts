import type { RequestClass } from '../kube/request-info.ts';
import { decideRequest, decideSession } from './decide.ts';
import type { CapabilityRule } from './rules.ts';

/** What would become of a request, in words for people. */
export interface Explanation {
  readonly allowed: boolean;
  readonly text: string;
}

/**
 * The decision of the proxy itself, and what follows from it when the recorders in `lost` (`host:port`) accept nothing.
 * Whether the API server then allows the request is its own affair.
 */
export function explain(
  rules: readonly CapabilityRule[],
  requestClass: RequestClass,
  lost: readonly string[] = [],
): Explanation {
  if (requestClass === 'session') return explainSession(rules, lost);
  const decision = decideRequest(rules, requestClass);
  switch (decision.kind) {
    case 'pass':
      return { allowed: true, text: 'passes' };
    case 'audit':
      return { allowed: true, text: `passes unrecorded, and is audited: ${decision.origins.join(', ')}` };
    case 'refuse':
      return { allowed: false, text: `refused: ${decision.message}` };
  }
}

function explainSession(rules: readonly CapabilityRule[], lost: readonly string[]): Explanation {
  const decision = decideSession(rules);
  switch (decision.kind) {
    case 'pass':
      return { allowed: true, text: 'passes unrecorded: no rule asks for a recording' };
    case 'refuse':
      return { allowed: false, text: `refused: ${decision.message}` };
    case 'record': {
      const { recorders, failMode, origins } = decision;
      const left = recorders.filter(recorder => !lost.includes(recorder));
      const by = origins.join(', ');
      const otherwise = failMode === 'closed' ? 'refused' : 'passes unrecorded';
      if (left.length > 0) {
        return { allowed: true, text: `recorded by ${left.join(' or ')}, else ${otherwise}: ${by}` };
      }
      return {
        allowed: failMode === 'open',
        text: `${otherwise}, since no recorder is left (fail ${failMode}): ${by}`,
      };
    }
  }
}
