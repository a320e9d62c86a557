import { type ComponentChild, h } from 'preact';
import type { Shape } from '../../../machines/chart-drawing.ts';
import { drawChart } from '../../../machines/chart-drawing.ts';
import type { ChartLayout, LaidOutState } from '../../../machines/chart-layout.ts';
import { chartLayouts } from './chart-layouts.ts';
import { Icon } from './icon.tsx';
import { stateLook } from './look.ts';
import type { TakenPath } from './taken-path.ts';
import { useMedia } from './use-media.ts';

export interface ChartProps {
  readonly label: string;
  /** Lit; the rest steps back. */
  readonly taken?: TakenPath;
  /** The state that is shown as the present one. */
  readonly current?: string;
  /** States in which nobody is: they do not call for attention. */
  readonly vacant?: (state: string) => boolean;
  /** Drawn inside a state, over its frame. */
  readonly inside?: (state: LaidOutState) => ComponentChild;
  readonly over?: (layout: ChartLayout) => ComponentChild;
}

/** The statechart, from the layout that the build made of the machine's definition. */
export function Chart({ label, taken, current, vacant, inside, over }: ChartProps) {
  const layout = useMedia('(max-width: 720px)') ? chartLayouts.narrow : chartLayouts.wide;
  const lit = (shape: Shape): string => {
    const state = shape.attributes['data-state'];
    const arrow = shape.attributes['data-arrow'];
    const tone = typeof state === 'string' ? ` tone-${stateLook(state).tone}` : '';
    if (state !== undefined && state === current) return `${tone} current taken`;
    if (taken === undefined) return `${tone}${typeof state === 'string' && vacant?.(state) ? ' vacant' : ''}`;
    const passed = taken.states.has(String(state)) || taken.arrows.has(String(arrow));
    return `${tone} ${passed ? 'taken' : 'untaken'}`;
  };
  return (
    <svg class="chart" viewBox={`0 0 ${layout.width} ${layout.height}`} aria-label={label}>
      {drawChart(layout).map(shape => element(shape, lit))}
      {layout.states.map(state =>
        state.compound ? null : (
          <StateFace
            key={state.name}
            state={state}
            dim={taken !== undefined && !taken.states.has(state.name) && state.name !== current}
          />
        ),
      )}
      {inside === undefined ? null : layout.states.map(state => inside(state))}
      {over?.(layout)}
    </svg>
  );
}

/** What the state means, in a shape and in words. */
function StateFace({ state, dim }: { state: LaidOutState; dim: boolean }) {
  const look = stateLook(state.name);
  return (
    <g class={`face tone-${look.tone}${dim ? ' untaken' : ''}`}>
      <Icon name={look.icon} x={state.x + 12} y={state.y + 28} size={13} />
      <text class="says" x={state.x + 30} y={state.y + 39}>
        {look.says}
      </text>
    </g>
  );
}

function element(shape: Shape, lit: (shape: Shape) => string): ComponentChild {
  const given = shape.attributes['class'];
  const marked = 'data-state' in shape.attributes || 'data-arrow' in shape.attributes;
  return h(
    shape.tag,
    { ...shape.attributes, class: marked ? `${given}${lit(shape)}` : given },
    ...shape.children.map(child => (typeof child === 'string' ? child : element(child, lit))),
  );
}
