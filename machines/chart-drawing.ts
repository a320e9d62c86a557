import type { ChartLayout, LaidOutArrow, LaidOutState, Point } from './chart-layout.ts';

/** One element of a drawing; the page and the file are made from the same tree. */
export interface Shape {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly children: readonly (Shape | string)[];
}

const CORNER = 8;
const BEND = 6;
export const LABEL_LINE = 13;

function shape(tag: string, attributes: Shape['attributes'], ...children: (Shape | string)[]): Shape {
  return { tag, attributes, children };
}

/** Arrows first, so that states lie over them; `data-state` and `data-arrow` say what is what. */
export function drawChart({ states, arrows }: ChartLayout): Shape[] {
  return [
    shape('defs', {}, head('head')),
    ...states.filter(({ compound }) => compound).map(drawState),
    ...arrows.map(drawArrow),
    ...states.filter(({ compound }) => !compound).map(drawState),
  ];
}

function head(id: string): Shape {
  return shape(
    'marker',
    {
      id,
      viewBox: '0 0 8 8',
      refX: 7,
      refY: 4,
      markerWidth: 9,
      markerHeight: 9,
      markerUnits: 'userSpaceOnUse',
      orient: 'auto-start-reverse',
    },
    shape('path', { d: 'M0 0 8 4 0 8z', class: 'head' }),
  );
}

function drawState({ name, key, compound, initial, final, x, y, width, height }: LaidOutState): Shape {
  const classes = ['state', compound ? 'compound' : 'leaf', final ? 'final' : '', initial ? 'initial' : ''];
  const frame = { x, y, width, height, rx: CORNER };
  return shape(
    'g',
    { class: classes.filter(Boolean).join(' '), 'data-state': name },
    shape('rect', { ...frame, class: 'frame' }),
    // A second line inside the frame is how statecharts mark a final state.
    ...(final
      ? [
          shape('rect', {
            x: x + 3,
            y: y + 3,
            width: width - 6,
            height: height - 6,
            rx: CORNER - 2,
            class: 'inner',
          }),
        ]
      : []),
    shape('text', { x: x + 12, y: y + 21, class: 'name' }, key),
  );
}

function drawArrow({ from, to, points, label, events }: LaidOutArrow): Shape {
  return shape(
    'g',
    { class: 'arrow', 'data-arrow': `${from} ${to}` },
    shape('path', { d: pathOf(points), class: 'line', 'marker-end': 'url(#head)' }),
    ...(label === undefined
      ? []
      : events.map((event, at) =>
          shape('text', { x: label.x, y: label.y + (at + 1) * LABEL_LINE - 3, class: 'event' }, event),
        )),
  );
}

/** Straight runs with rounded corners. */
function pathOf(points: readonly Point[]): string {
  return points
    .map((point, at) => {
      const before = points[at - 1];
      const after = points[at + 1];
      if (before === undefined) return `M${point.x} ${point.y}`;
      if (after === undefined) return `L${point.x} ${point.y}`;
      const enter = towards(point, before);
      const leave = towards(point, after);
      return `L${enter.x} ${enter.y}Q${point.x} ${point.y} ${leave.x} ${leave.y}`;
    })
    .join('');
}

function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const part = length === 0 ? 0 : Math.min(BEND, length / 2) / length;
  return {
    x: Math.round((from.x + (to.x - from.x) * part) * 10) / 10,
    y: Math.round((from.y + (to.y - from.y) * part) * 10) / 10,
  };
}
