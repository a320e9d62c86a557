import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import type { Chart, ChartArrow, ChartState } from './chart-model.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export interface LaidOutState extends ChartState, Box {
  /** It has states inside it. */
  readonly compound: boolean;
}

export interface LaidOutArrow extends ChartArrow {
  readonly points: readonly Point[];
  /** Where its events are written; absent when they are left out. */
  readonly label?: Box;
}

/** A chart with a place for everything, in the units of an SVG's `viewBox`. */
export interface ChartLayout {
  readonly width: number;
  readonly height: number;
  readonly states: readonly LaidOutState[];
  readonly arrows: readonly LaidOutArrow[];
}

export interface LayoutStyle {
  readonly direction: 'RIGHT' | 'DOWN';
  /** Of a state without states inside it. */
  readonly state: { readonly width: number; readonly height: number };
  /** Room for the events beside each arrow: of one character, and of one line. Absent: they are not written. */
  readonly label?: { readonly character: number; readonly line: number };
  /** Between neighbours along the direction of the chart, and across it. */
  readonly gap: { readonly along: number; readonly across: number };
  /** Between neighbouring arrows. */
  readonly lane: number;
}

/** The part of ELK that is used; the engine is handed in, so that only the build needs it installed. */
export interface LayoutEngine {
  layout(graph: ElkNode): Promise<ElkNode>;
}

const START = '(start)';
const TITLE = 34;
const PADDING = 14;

export async function layOut(chart: Chart, style: LayoutStyle, engine: LayoutEngine): Promise<ChartLayout> {
  const nested = (parent: string | undefined): ElkNode[] =>
    chart.states
      .filter(state => state.parent === parent)
      .map(({ name }) => {
        const children = nested(name);
        return children.length > 0
          ? {
              id: name,
              children,
              layoutOptions: {
                'elk.padding': `[top=${TITLE},left=${PADDING},bottom=${PADDING},right=${PADDING}]`,
              },
            }
          : { id: name, ...style.state };
      });
  const graph = await engine.layout({
    id: START,
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': style.direction,
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.json.edgeCoords': 'ROOT',
      'elk.padding': `[top=${PADDING},left=${PADDING},bottom=${PADDING},right=${PADDING}]`,
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
      'elk.layered.spacing.nodeNodeBetweenLayers': String(style.gap.along),
      'elk.layered.spacing.edgeNodeBetweenLayers': String(style.lane + 4),
      'elk.layered.spacing.edgeEdgeBetweenLayers': String(style.lane),
      'elk.spacing.nodeNode': String(style.gap.across),
      'elk.spacing.edgeNode': String(style.lane + 4),
      'elk.spacing.edgeEdge': String(style.lane),
      'elk.spacing.edgeLabel': '4',
    },
    children: nested(undefined),
    edges: chart.arrows.map((arrow, at) => edgeOf(arrow, at, chart, style)),
  });
  const boxes = boxesOf(graph, { x: 0, y: 0 });
  return {
    width: Math.ceil(graph.width ?? 0),
    height: Math.ceil(graph.height ?? 0),
    states: chart.states.map(state => ({
      ...state,
      ...placeOf(boxes, state.name),
      compound: chart.states.some(({ parent }) => parent === state.name),
    })),
    arrows: chart.arrows.map((arrow, at) => ({ ...arrow, ...routeOf(graph.edges?.[at]) })),
  };
}

function edgeOf(arrow: ChartArrow, at: number, { states }: Chart, { label }: LayoutStyle): ElkExtendedEdge {
  const { from, to, events } = arrow;
  const place = (name: string): number => states.findIndex(state => state.name === name);
  return {
    id: `arrow ${at}`,
    sources: [from],
    targets: [to],
    // The definition's order is that of a good day: what leads back in it is drawn as leading back.
    layoutOptions: { 'elk.layered.priority.direction': place(from) < place(to) ? '10' : '1' },
    ...(label === undefined || events.length === 0
      ? {}
      : {
          labels: [
            {
              text: events.join('\n'),
              width: Math.max(...events.map(event => event.length)) * label.character,
              height: events.length * label.line,
            },
          ],
        }),
  };
}

/** ELK places children relative to their parent. */
function boxesOf(node: ElkNode, origin: Point): Map<string, Box> {
  const boxes = new Map<string, Box>();
  for (const child of node.children ?? []) {
    const { id, x = 0, y = 0, width = 0, height = 0 } = child;
    const box = {
      x: round(origin.x + x),
      y: round(origin.y + y),
      width: round(width),
      height: round(height),
    };
    boxes.set(id, box);
    for (const [name, inner] of boxesOf(child, box)) boxes.set(name, inner);
  }
  return boxes;
}

function placeOf(boxes: ReadonlyMap<string, Box>, name: string): Box {
  const box = boxes.get(name);
  if (box === undefined) throw new Error(`the layout has lost the state ${name}`);
  return box;
}

function routeOf(edge: ElkExtendedEdge | undefined): { points: Point[]; label?: Box } {
  const section = edge?.sections?.[0];
  if (section === undefined) throw new Error(`the layout has lost the arrow ${edge?.id ?? ''}`);
  const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
  const label = edge?.labels?.[0];
  return {
    points: points.map(({ x, y }) => ({ x: round(x), y: round(y) })),
    ...(label === undefined
      ? {}
      : {
          label: {
            x: round(label.x ?? 0),
            y: round(label.y ?? 0),
            width: round(label.width ?? 0),
            height: round(label.height ?? 0),
          },
        }),
  };
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}
