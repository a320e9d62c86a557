import type { AnyStateMachine, AnyStateNode } from 'xstate';

export interface ChartState {
  /** Dotted, as in the contract: `joined.streaming`. */
  readonly name: string;
  readonly key: string;
  readonly parent?: string;
  /** Entered first, of its parent's states. */
  readonly initial: boolean;
  readonly final: boolean;
  /** Names of the actors that run in it. */
  readonly work: readonly string[];
  readonly tags: readonly string[];
}

/** All transitions between two states as one arrow. */
export interface ChartArrow {
  readonly from: string;
  readonly to: string;
  /** Names as watchers see them: `decide.done`, `recorder.failed`. */
  readonly events: readonly string[];
}

/** A machine as it is drawn: states in document order, parents before children. */
export interface Chart {
  readonly states: readonly ChartState[];
  readonly arrows: readonly ChartArrow[];
}

/**
 * Reads the chart out of a machine's definition. States below `maxDepth` are drawn as the state they lie in, and what
 * happens among them is not drawn.
 */
export function chartOf(machine: AnyStateMachine, maxDepth: number): Chart {
  const nodes = descendants(machine.root);
  const arrows = new Map<string, { from: string; to: string; events: Set<string> }>();
  for (const node of [machine.root, ...nodes]) {
    for (const transition of [...node.transitions.values(), node.always ?? []].flat()) {
      for (const target of transition.target ?? []) {
        for (const source of node === machine.root ? heardBy(machine.root, transition.eventType) : [node]) {
          const from = nameOf(source, maxDepth);
          const to = nameOf(target, maxDepth);
          // Into itself, or back into the whole it is part of: only a deeper drawing could show it.
          if (from === to && source.path.length > maxDepth) continue;
          const arrow = arrows.get(`${from} ${to}`) ?? { from, to, events: new Set() };
          const event = eventLabel(transition.eventType);
          if (event !== '') arrow.events.add(event);
          arrows.set(`${from} ${to}`, arrow);
        }
      }
    }
  }
  return {
    states: nodes.filter(node => node.path.length <= maxDepth).map(stateOf),
    arrows: [...arrows.values()].map(arrow => ({ ...arrow, events: [...arrow.events] })),
  };
}

/** XState's own event types in the words that a session's list of transitions uses. */
export function eventLabel(type: string): string {
  const actor = /^xstate\.(done|error)\.actor\.(.+)$/.exec(type);
  if (actor !== null) return `${actor[2]}.${actor[1] === 'done' ? 'done' : 'failed'}`;
  const delay = /^xstate\.after\.([^.]+)\./.exec(type);
  return delay === null ? type : `${delay[1]}.passed`;
}

function descendants(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap(child => [child, ...descendants(child)]);
}

/** The outermost states in which the root's own transition for an event can be taken. */
function heardBy(root: AnyStateNode, eventType: string): AnyStateNode[] {
  return Object.values(root.states).filter(
    state =>
      state.type !== 'final' &&
      // One without a guard hides the root's.
      !(state.transitions.get(eventType) ?? []).some(({ guard }) => guard === undefined),
  );
}

function stateOf(node: AnyStateNode): ChartState {
  const parent = node.parent?.path.join('.') ?? '';
  return {
    name: node.path.join('.'),
    key: node.key,
    ...(parent === '' ? {} : { parent }),
    initial: node.parent?.initial?.target?.includes(node) ?? false,
    final: node.type === 'final',
    work: node.invoke.map(({ id }) => id),
    tags: [...node.tags],
  };
}

function nameOf(node: AnyStateNode, maxDepth: number): string {
  return node.path.slice(0, maxDepth).join('.');
}
