import { readLine } from './chain.ts';
import { auditFiles } from './lines.ts';
import { linesSync } from './lines-sync.ts';
import type { AuditRecord } from './record.ts';

const TELLING = ['"action":"continuedUnrecorded"', '"type":"recording.resumed"', '"type":"session.ended"'];
/** It stands before anything that a caller could have said, also in a line that a crash tore. */
const TIME = /^.{0,200}"time":"([0-9TZ:.-]{20,30})"/;
const INTERRUPTED = '"outcome":"interrupted"';

/**
 * For how long sessions went on unrecorded since `fromMs` (Unix time), by rule, as an audit file tells it. A session that
 * a crash cut off counts until the last thing that was written before. Milliseconds. Throws where
 * there is no audit.
 */
export function unrecordedTime(file: string, fromMs: number): ReadonlyMap<string, number> {
  const sum = new Map<string, number>();
  const open = new Map<string, { readonly sinceMs: number; readonly rules: readonly string[] }>();
  let lastMs = fromMs;
  const end = (sessionId: string, atMs: number): void => {
    const { sinceMs, rules } = open.get(sessionId) ?? { sinceMs: atMs, rules: [] };
    open.delete(sessionId);
    const spentMs = Math.max(atMs - Math.max(sinceMs, fromMs), 0);
    for (const rule of rules) sum.set(rule, (sum.get(rule) ?? 0) + spentMs);
  };
  for (const line of fileLines(file)) {
    const record = TELLING.some(part => line.includes(part)) ? readLine(line)?.record : undefined;
    if (record?.type === 'recording.failed' && !open.has(record.sessionId)) {
      open.set(record.sessionId, { sinceMs: Date.parse(record.time), rules: record.rules });
    } else if (record?.type === 'recording.resumed' || record?.type === 'session.ended') {
      end(record.sessionId, isInterrupted(record) ? lastMs : Date.parse(record.time));
    }
    // An end that was written at the next start says nothing of how long the process had lived.
    const time = line.includes(INTERRUPTED) ? undefined : TIME.exec(line)?.[1];
    if (time !== undefined) lastMs = Date.parse(time);
  }
  for (const sessionId of [...open.keys()]) end(sessionId, lastMs);
  return sum;
}

function isInterrupted(record: AuditRecord): boolean {
  return record.type === 'session.ended' && record.outcome === 'interrupted';
}

function* fileLines(file: string): Generator<string> {
  for (const part of auditFiles(file)) yield* linesSync(part);
}
