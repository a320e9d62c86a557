import type { ChartLayout, LaidOutState } from '../../../machines/chart-layout.ts';
import type { SessionView } from '../../session/view.ts';

/** How long an ended session stays on the chart, so that one sees where it went. */
export const FAREWELL_MS = 6_000;
const PITCH = 13;
const LEFT = 17;
const TOP = 53;
const ROWS = 2;

/** One session on the chart, in the units of its layout. */
export interface Token {
  readonly session: SessionView;
  readonly x: number;
  readonly y: number;
}

/** What is in one state now. */
export interface Occupancy {
  readonly count: number;
  /** Milliseconds that the one longest there has been there. */
  readonly longestMs: number;
}

export interface Placement {
  readonly tokens: readonly Token[];
  readonly occupancy: ReadonlyMap<string, Occupancy>;
}

/** Gives each live session a place in its state, the longest there first, as far as there is room. */
export function placeTokens(layout: ChartLayout, sessions: Iterable<SessionView>, nowMs: number): Placement {
  const byState = new Map<string, SessionView[]>();
  for (const session of sessions) {
    if (session.endedAt !== undefined && nowMs - Date.parse(session.endedAt) > FAREWELL_MS) continue;
    const members = byState.get(session.state);
    if (members === undefined) byState.set(session.state, [session]);
    else members.push(session);
  }
  const tokens: Token[] = [];
  const occupancy = new Map<string, Occupancy>();
  for (const state of layout.states) {
    const members = byState.get(state.name)?.sort((a, b) => a.since.localeCompare(b.since)) ?? [];
    const slots = slotsOf(state);
    tokens.push(
      ...members.slice(0, slots.length).map((session, at) => ({ session, ...(slots[at] ?? state) })),
    );
    const first = members[0];
    occupancy.set(state.name, {
      count: members.length,
      longestMs: first === undefined ? 0 : Math.max(0, nowMs - Date.parse(first.since)),
    });
  }
  return { tokens, occupancy };
}

function slotsOf({ x, y, width, compound }: LaidOutState): { x: number; y: number }[] {
  if (compound) return [];
  const columns = Math.floor((width - LEFT) / PITCH);
  return Array.from({ length: columns * ROWS }, (_, at) => ({
    x: x + LEFT + (at % columns) * PITCH,
    y: y + TOP + Math.floor(at / columns) * PITCH,
  }));
}
