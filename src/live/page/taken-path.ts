import type { ChartArrow } from '../../../machines/chart-model.ts';
import type { Transition } from '../../session/view.ts';

export interface TakenPath {
  readonly states: ReadonlySet<string>;
  /** `from to` of each arrow that was followed. */
  readonly arrows: ReadonlySet<string>;
}

/** What of the chart a session has been through. */
export function takenPath(arrows: readonly ChartArrow[], transitions: readonly Transition[]): TakenPath {
  const states = new Set<string>();
  const taken = new Set<string>();
  for (const [at, { state, event }] of transitions.entries()) {
    for (const part of withParents(state)) states.add(part);
    const before = transitions[at - 1];
    if (before === undefined || before.state === state) continue;
    const sources = withParents(before.state);
    // A parent's arrow may lead to the same place for another reason; the event tells which of them it was.
    const possible = arrows.filter(({ from, to }) => to === state && sources.includes(from));
    const arrow = possible.find(({ events }) => events.includes(event)) ?? possible[0];
    if (arrow !== undefined) taken.add(`${arrow.from} ${arrow.to}`);
  }
  return { states, arrows: taken };
}

/** `joined.streaming` lies in `joined`; the innermost comes first. */
function withParents(state: string): string[] {
  const parts = state.split('.');
  return parts.map((_, at) => parts.slice(0, parts.length - at).join('.'));
}
