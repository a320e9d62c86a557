import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** One arrow of a chart. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

/** The arrows of a machine as it is defined, in document order; a target of none is an event that is heard and dropped. */
export function arrowsOf(machine: AnyStateMachine): Arrow[] {
  return walk(machine.root).flatMap(node =>
    [...node.transitions.values(), node.always ?? []].flat().flatMap(transition =>
      (transition.target ?? []).map(target => ({
        from: pathOf(node),
        to: pathOf(target),
        label: labelOf(transition.eventType, transition.guard),
      })),
    ),
  );
}

/** A Mermaid `stateDiagram-v2` of the machine, drawn from its definition. */
export function mermaid(machine: AnyStateMachine): string {
  const lines = ['stateDiagram-v2', ...statesOf(machine.root, '  ')];
  for (const { from, to, label } of arrowsOf(machine)) {
    if (from === '') {
      // An event that every state hears is drawn from each of the outermost states it can be heard in.
      for (const child of Object.values(machine.root.states)) {
        if (child.type !== 'final' && !hears(child, label)) lines.push(`  ${child.key} --> ${to} : ${label}`);
      }
    } else {
      lines.push(`  ${from} --> ${to}${label === '' ? '' : ` : ${label}`}`);
    }
  }
  for (const child of Object.values(machine.root.states)) {
    if (child.type === 'final') lines.push(`  ${child.key} --> [*]`);
  }
  return `${lines.join('\n')}\n`;
}

/** One line per state: name, what runs in it, its tags. */
export function stateTable(machine: AnyStateMachine): string {
  const rows = walk(machine.root)
    .filter(node => node !== machine.root)
    .map(node => {
      const work = node.invoke.map(({ id }) => `\`${id}\``).join(', ');
      return `| \`${dotted(node)}\` | ${work || '–'} | ${[...node.tags].join(', ') || '–'} |`;
    });
  return ['| state | work done in it | tags |', '|---|---|---|', ...rows, ''].join('\n');
}

function walk(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(walk)];
}

function hears(node: AnyStateNode, label: string): boolean {
  return [...node.transitions.keys()].some(event => labelOf(event, undefined) === label);
}

function statesOf(node: AnyStateNode, indent: string): string[] {
  const initial = node.initial?.target?.[0];
  const first = initial === undefined || initial === node ? [] : [`${indent}[*] --> ${pathOf(initial)}`];
  const nested = Object.values(node.states).flatMap(child =>
    child.type === 'compound'
      ? [`${indent}state ${pathOf(child)} {`, ...statesOf(child, `${indent}  `), `${indent}}`]
      : [`${indent}${pathOf(child)}`],
  );
  return [...first, ...nested];
}

/** Mermaid knows states by one word, so a nested one carries its own key only: keys are unique within a machine. */
function pathOf(node: AnyStateNode): string {
  return node.path.at(-1) ?? '';
}

function dotted(node: AnyStateNode): string {
  return node.path.join('.');
}

function labelOf(event: string, guard: unknown): string {
  const actor = /^xstate\.(done|error)\.actor\.(.+)$/.exec(event);
  const delay = /^xstate\.after\.([^.]+)\./.exec(event);
  const name =
    actor !== null
      ? `${actor[2]} ${actor[1] === 'done' ? 'done' : 'failed'}`
      : delay !== null
        ? `after ${delay[1]}`
        : event;
  const condition = guardName(guard);
  return condition === '' ? name : `${name} [${condition}]`.trimStart();
}

function guardName(guard: unknown): string {
  if (typeof guard === 'string') return guard;
  if (typeof guard === 'object' && guard !== null && 'type' in guard && typeof guard.type === 'string')
    return guard.type;
  return '';
}
