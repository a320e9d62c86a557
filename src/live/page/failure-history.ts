import type { Unrecorded } from '../unrecorded.ts';
import type { Dimension, Span } from './route.ts';

const HOUR_MS = 3_600_000;

/** A stretch of time and what failed in it. */
export interface Bucket {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

/** One value of the dimension looked at, over time. */
export interface Series {
  readonly value: string;
  readonly total: number;
  readonly buckets: readonly Bucket[];
}

/** The reasons that are the same, and the sessions they hold for. */
export interface ReasonGroup {
  readonly phase: string;
  readonly kind: string;
  readonly recorder: string;
  readonly message: string;
  readonly recovered: boolean;
  /** Newest first. */
  readonly items: readonly Unrecorded[];
}

export const NO_RECORDER = 'none';

export function dimensionOf(item: Unrecorded, by: Dimension): string {
  return by === 'recorder' ? (item.recorder ?? NO_RECORDER) : item[by];
}

/** The edges of the buckets of a span, in the reader's zone: hours, or days for a week. */
export function edgesOf(span: Span, nowMs: number): number[] {
  const now = new Date(nowMs);
  const midnight = (daysBack: number): number =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysBack).getTime();
  // Midnights, not multiples of a day: a day may have 23 or 25 hours.
  if (span === '7d') return [6, 5, 4, 3, 2, 1, 0, -1].map(midnight);
  const end = new Date(nowMs).setMinutes(60, 0, 0);
  const start = span === 'today' ? midnight(0) : end - 24 * HOUR_MS;
  const last = span === 'today' ? midnight(-1) : end;
  const edges: number[] = [];
  for (let at = start; at <= last; at += HOUR_MS) edges.push(at);
  return edges;
}

export function within(items: readonly Unrecorded[], edges: readonly number[]): Unrecorded[] {
  const from = edges[0] ?? 0;
  const to = edges.at(-1) ?? 0;
  return items.filter(({ at }) => Date.parse(at) >= from && Date.parse(at) < to);
}

/** One series for each value that occurs, the most frequent first. */
export function seriesOf(items: readonly Unrecorded[], by: Dimension, edges: readonly number[]): Series[] {
  const byValue = new Map<string, Unrecorded[]>();
  for (const item of items) {
    const value = dimensionOf(item, by);
    const members = byValue.get(value);
    if (members === undefined) byValue.set(value, [item]);
    else members.push(item);
  }
  return [...byValue]
    .map(([value, members]) => ({ value, total: members.length, buckets: bucketsOf(members, edges) }))
    .sort((a, b) => b.total - a.total || a.value.localeCompare(b.value));
}

export function bucketsOf(items: readonly Unrecorded[], edges: readonly number[]): Bucket[] {
  const times = items.map(({ at }) => Date.parse(at));
  return edges.slice(0, -1).map((fromMs, index) => {
    const toMs = edges[index + 1] ?? fromMs;
    return { fromMs, toMs, count: times.filter(at => at >= fromMs && at < toMs).length };
  });
}

/** What is missing before what was saved, then the most frequent first. */
export function reasonsOf(items: readonly Unrecorded[]): ReasonGroup[] {
  const groups = new Map<string, ReasonGroup & { readonly items: Unrecorded[] }>();
  for (const item of items) {
    const { phase, kind, message, recovered, recorder = NO_RECORDER } = item;
    const key = [phase, kind, recorder, recovered].join('\n');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { phase, kind, recorder, message, recovered, items: [item] });
    else group.items.push(item);
  }
  return [...groups.values()].sort(
    (a, b) => Number(a.recovered) - Number(b.recovered) || b.items.length - a.items.length,
  );
}

/** How many sessions are, wholly or in part, in no recording. */
export function sessionsMissing(items: readonly Unrecorded[]): number {
  return new Set(items.filter(({ recovered }) => !recovered).map(({ sessionId }) => sessionId)).size;
}
