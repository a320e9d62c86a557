import type { Readable } from 'node:stream';

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

export interface RecordingsQuery {
  /** Only those of this session. */
  readonly sessionId?: string;
  readonly limit: number;
}

export interface OpenedCast {
  readonly bytes: number;
  readonly body: Readable;
  /** For the audit; absent where nobody knows it. */
  readonly sessionId?: string;
}

/** Where the page's recordings come from. */
export interface RecordingsReader {
  /** Newest first. */
  list(query: RecordingsQuery): Promise<readonly RecordingSummary[]>;
  /** The cast, whole lines only; the caller reads or destroys `body`. Undefined: there is none of that id. */
  open(id: string): Promise<OpenedCast | undefined>;
}
