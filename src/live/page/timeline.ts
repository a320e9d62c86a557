import type { SessionView } from '../../session/view.ts';

/** A session's stay in one state. Milliseconds since its start. */
export interface Stay {
  readonly state: string;
  /** The event that led there. */
  readonly event: string;
  readonly at: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The stays of a session, one for each transition; the last goes on until `nowMs` while the session lives. */
export function staysOf(session: SessionView, nowMs: number): Stay[] {
  const start = Date.parse(session.startedAt);
  const end = session.endedAt === undefined ? nowMs : Date.parse(session.endedAt);
  return session.transitions.map(({ state, event, at }, index) => {
    const next = session.transitions[index + 1];
    const fromMs = Math.max(0, Date.parse(at) - start);
    const toMs = (next === undefined ? end : Date.parse(next.at)) - start;
    return { state, event, at, fromMs, toMs: Math.max(fromMs, toMs) };
  });
}

/** How long the session has lasted. */
export function lasted({ startedAt, endedAt }: SessionView, nowMs: number): number {
  return Math.max(0, (endedAt === undefined ? nowMs : Date.parse(endedAt)) - Date.parse(startedAt));
}

/** Where in its transitions the session was; 0 before the first. */
export function stayAt(stays: readonly Stay[], atMs: number): number {
  return Math.max(
    0,
    stays.findLastIndex(({ fromMs }) => fromMs <= atMs),
  );
}

/** When the cast's clock started: casts count from the moment at which the session joined (docs/recording.md). */
export function joinedMs(stays: readonly Stay[]): number | undefined {
  return stays.find(({ state }) => state.startsWith('joined.'))?.fromMs;
}

/** Together, the time in which the session streamed and nobody recorded it although the rules asked for it. */
export function unrecordedMs(stays: readonly Stay[]): number {
  return stays
    .filter(({ state }) => state === 'joined.failingOpen')
    .reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}
