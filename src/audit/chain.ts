import { createHash } from 'node:crypto';
import type { AuditEvent, AuditRecord } from './record.ts';
import { AUDIT_API_VERSION, clientOf, userOf } from './record.ts';
import { bounded, redactCommand } from './redact.ts';
import { auditRecordSchema } from './schema.ts';

export const NO_HASH = '0'.repeat(64);

/** The end of a chain, from which it goes on. */
export interface ChainEnd {
  readonly replica: string;
  readonly seq: number;
  readonly hash: string;
  readonly id: string;
}

export interface Link {
  readonly id: string;
  readonly time: string;
  /** SHA-256 of the torn lines, joined by newlines, that stand between this record and the one before. */
  readonly tornBefore?: string;
}

/** The next line of a chain, without its newline, and the chain's new end. */
export function nextLine(
  end: ChainEnd,
  link: Link,
  event: AuditEvent,
): { readonly line: string; readonly end: ChainEnd } {
  const { replica } = end;
  const seq = end.seq + 1;
  const open = JSON.stringify({
    apiVersion: AUDIT_API_VERSION,
    id: link.id,
    time: link.time,
    seq,
    replica,
    ...recordedFacts(event),
    ...(link.tornBefore === undefined ? {} : { tornBefore: link.tornBefore }),
    prevHash: end.hash,
  });
  const hash = sha256(open);
  return { line: `${open.slice(0, -1)},"hash":"${hash}"}`, end: { replica, seq, hash, id: link.id } };
}

/** As a record says it: whoever did it as two members, the command redacted, every text bounded. */
export function recordedFacts(event: AuditEvent): object {
  const { subject, ...facts } = { subject: undefined, ...event };
  return bounded({
    ...facts,
    ...(subject === undefined ? {} : { user: userOf(subject), client: clientOf(subject) }),
    ...(event.type === 'session.started' ? commandOf(event.command) : {}),
  });
}

function commandOf(argv: readonly string[]): object {
  const { command, cut } = redactCommand(argv);
  return { command, ...(cut ? { commandCut: true } : {}) };
}

/** A line as it was read: what it claims, and whether it is what its own hash says. */
export interface ReadLine {
  readonly record: AuditRecord;
  readonly line: string;
  /** The line is byte for byte what was hashed. */
  readonly intact: boolean;
}

/** Undefined: no audit record of this version. */
export function readLine(line: string): ReadLine | undefined {
  const parsed = auditRecordSchema.safeParse(parse(line));
  if (!parsed.success) return undefined;
  // The schema has checked envelope and facts.
  const record = parsed.data as unknown as AuditRecord;
  const tail = `,"hash":"${record.hash}"}`;
  const intact = line.endsWith(tail) && sha256(`${line.slice(0, -tail.length)}}`) === record.hash;
  return { record, line, intact };
}

const BEGINNING = `{"apiVersion":"${AUDIT_API_VERSION}"`;

/** What a crash in mid-write can leave: the beginning of a record, or blocks that were never filled. */
export function isTorn(line: string): boolean {
  const text = line.slice(0, endOfText(line));
  if (!text.startsWith(BEGINNING) && !BEGINNING.startsWith(text)) return false;
  return parse(line) === undefined;
}

/** Where the NULs at the end begin. As a pattern (`\0+$`) that would take the square of their number. */
function endOfText(line: string): number {
  let end = line.length;
  while (end > 0 && line.charCodeAt(end - 1) === 0) end--;
  return end;
}

export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // No JSON is no record: the caller says which line it was.
    return undefined;
  }
}
