import type { AuditRecord } from './record.ts';

/** A record and the line it was read from. */
export interface AuditLine {
  readonly record: AuditRecord;
  readonly line: string;
}

export interface ReadRange {
  readonly types?: readonly AuditRecord['type'][];
  readonly sessionId?: string;
  /** At or after; milliseconds since the epoch. */
  readonly sinceMs?: number;
}

/** The audit as the page, the API and the commands read it, whatever keeps it. */
export interface AuditReader {
  /** Oldest first; lines that are no records are left to `verify`. */
  records(range?: ReadRange): AsyncIterable<AuditLine>;
  /** What is written from now on, until the signal. */
  follow(signal: AbortSignal): AsyncIterable<AuditLine>;
  /** Every line with its place, chain by chain, for `verify`. */
  lines(): AsyncIterable<{ readonly text: string; readonly file: string; readonly number: number }>;
  close(): Promise<void>;
}
