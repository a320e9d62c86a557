import type { TailMark } from './tail.ts';

/** What of a session is in no recording. Milliseconds since its start; bytes as the command wrote them. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
}

/** What lies between two places of a session. */
export function gapBetween(from: TailMark, to: TailMark): Gap {
  return {
    fromMs: Math.round(from.seconds * 1000),
    toMs: Math.round(to.seconds * 1000),
    bytes: to.written - from.written,
  };
}
