import type { SessionView } from '../session/view.ts';

/**
 * What the feed says, one JSON text each. A viewer gets one snapshot, then deltas numbered on from it without a gap; what
 * a delta names is whole, so that applying it is replacing. After a cut the viewer connects anew and starts over.
 */
export type FeedMessage =
  | {
      readonly type: 'snapshot';
      readonly seq: number;
      /** RFC 3339, UTC: the server's clock, to which all times here belong. */
      readonly at: string;
      readonly recordings: boolean;
      readonly sessions: readonly SessionView[];
    }
  | {
      readonly type: 'delta';
      readonly seq: number;
      readonly sessions: readonly SessionView[];
      /** Ids of ended sessions that the server has ceased to list. */
      readonly forgotten: readonly string[];
    }
  /** Nothing has happened since `seq`; sent so that silence means a dead connection. */
  | { readonly type: 'beat'; readonly seq: number };

export const FEED_PATH = '/api/v1/feed';
/** Spectators of one session. */
export const WATCH_PATH = /^\/api\/v1\/sessions\/([0-9a-f-]{36})\/watch$/;
export function watchPath(sessionId: string): string {
  return `/api/v1/sessions/${sessionId}/watch`;
}
/** A viewer that has heard nothing for this long has lost the server. Three beats. */
export const SILENCE_MS = 30_000;
export const BEAT_MS = 10_000;

/** Close codes of the feed (RFC 6455 7.4.2 leaves 4000-4999 to applications). */
export const CLOSE_SLOW = 4001;
export const CLOSE_FULL = 4002;
/** RFC 6455 7.4.1: normal, the session is over; going away. */
export const CLOSE_ENDED = 1000;
export const CLOSE_STOPPING = 1001;
