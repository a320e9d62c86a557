import type { Readable } from 'node:stream';
import type { BytePart } from '../recorder/byte-range.ts';
import type { RecordingQuery } from '../recorder/recording-query.ts';

/** What the page says of a recording. Plain data out of its manifest. */
export interface RecordingSummary {
  readonly id: string;
  readonly sessionId?: string;
  /** RFC 3339, UTC. */
  readonly receivedAt: string;
  readonly bytes: number;
  readonly durationSeconds: number;
  readonly complete: boolean;
  readonly incompleteReason?: string;
  readonly user?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  readonly command?: string;
}

export interface RecordingsFound {
  /** Newest first. */
  readonly items: readonly RecordingSummary[];
  /** The `before` of the next page, which may be the first with a match; absent when nothing older is left. */
  readonly next?: string;
}

/** A browser holds an exported page several times over; larger casts are for a player of their own. Bytes. */
export const MAX_EXPORTED_BYTES = 64 * 1024 * 1024;

/** The caller reads or destroys `body`. */
export interface OpenedCast {
  /** Of the whole. */
  readonly bytes: number;
  /** What `body` is of it; undefined: all. */
  readonly part?: BytePart | 'none';
  readonly body: Readable;
  /** For the audit; absent where nobody knows it. */
  readonly sessionId?: string;
}

/** Where the page's recordings come from. */
export interface RecordingsReader {
  search(query: RecordingQuery): Promise<RecordingsFound>;
  /** Undefined: there is none of that id. */
  get(id: string): Promise<RecordingSummary | undefined>;
  /** The cast, whole lines only, or what a Range header names of it. Undefined: there is none of that id. */
  open(id: string, range?: string): Promise<OpenedCast | undefined>;
  /** One HTML page with the cast and a player in it. Undefined: there is none of that id, or it is too large for that. */
  page(id: string): Promise<{ readonly html: string; readonly sessionId?: string } | undefined>;
}
