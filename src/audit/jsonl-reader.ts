import { readLine } from './chain.ts';
import { followLines } from './follow-lines.ts';
import { auditFiles, auditLines } from './lines.ts';
import type { AuditLine, AuditReader, ReadRange } from './reader.ts';

/** Reads an audit file and the rotated ones beside it. Throws when there is none. */
export function openJsonlReader(file: string): AuditReader {
  auditFiles(file);
  return {
    records: range => recordsOf(file, range),
    follow: signal => followed(file, signal),
    lines: () => auditLines(file),
    close: () => Promise.resolve(),
  };
}

async function* recordsOf(file: string, range: ReadRange = {}): AsyncGenerator<AuditLine> {
  const { types, sessionId, sinceMs = Number.NEGATIVE_INFINITY } = range;
  for await (const { text } of auditLines(file, sinceMs)) {
    // Spares most lines a closer look.
    if (sessionId !== undefined && !text.includes(sessionId)) continue;
    if (types !== undefined && !types.some(type => text.includes(`"type":"${type}"`))) continue;
    const read = readLine(text);
    if (read === undefined) continue;
    const { record } = read;
    if (types !== undefined && !types.includes(record.type)) continue;
    if (Date.parse(record.time) < sinceMs) continue;
    if (sessionId !== undefined && !('sessionId' in record && record.sessionId === sessionId)) continue;
    yield read;
  }
}

async function* followed(file: string, signal: AbortSignal): AsyncGenerator<AuditLine> {
  for await (const line of followLines(file, signal)) {
    const read = readLine(line);
    if (read !== undefined) yield read;
  }
}
