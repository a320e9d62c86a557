import { failureMatches, sessionMatches } from '../audit/filter.ts';
import type { AuditLine, AuditReader } from '../audit/reader.ts';
import type { AuditRecord } from '../audit/record.ts';
import { SessionSummaries } from '../audit/session-summary.ts';
import { printLines } from './audit-print.ts';
import type { FilterOptions, SourceOptions } from './audit-source.ts';
import { filterOf, withAudit } from './audit-source.ts';
import {
  FAILURE_HEADINGS,
  failureRow,
  recordLine,
  SESSION_HEADINGS,
  sessionRow,
  table,
} from './audit-table.ts';

export type AuditOptions = SourceOptions & FilterOptions & { readonly json?: true };

/** Ids shorter than this name too many sessions. */
const MIN_PREFIX = 8;

/** `audit list`. */
export function listSessions(options: AuditOptions): Promise<void> {
  const filter = filterOf(options, Date.now());
  return withAudit(options, async reader => {
    const { sessions } = await readSessions(reader);
    const found = sessions.all().filter(session => sessionMatches(session, filter));
    await printLines(
      options.json === true
        ? found.map(session => JSON.stringify(session))
        : table(SESSION_HEADINGS, found.map(sessionRow)),
    );
  });
}

/** `audit failures`. */
export function listFailures(options: AuditOptions): Promise<void> {
  const filter = filterOf(options, Date.now());
  return withAudit(options, async reader => {
    const { sessions, failures } = await readSessions(reader);
    const found = failures.flatMap(({ record, line }) => {
      const session = 'sessionId' in record ? sessions.get(record.sessionId ?? '') : undefined;
      return record.type === 'recording.failed' && failureMatches(record, session, filter)
        ? [{ line, row: failureRow(record, session) }]
        : [];
    });
    await printLines(
      options.json === true
        ? found.map(({ line }) => line)
        : table(
            FAILURE_HEADINGS,
            found.map(({ row }) => row),
          ),
    );
  });
}

/** `audit show`. Throws when no session, or more than one, has that id. */
export function showSession(asked: string, options: SourceOptions & { readonly json?: true }): Promise<void> {
  return withAudit(options, async reader => {
    const sessionId = await fullId(asked, reader);
    const lines: string[] = [];
    for await (const { record, line } of reader.records({ sessionId })) {
      lines.push(options.json === true ? line : recordLine(record));
    }
    await printLines(lines);
  });
}

async function readSessions(reader: AuditReader) {
  const sessions = new SessionSummaries();
  const failures: AuditLine[] = [];
  const types = ['session.started', 'session.decided', 'recording.failed', 'session.ended'] as const;
  for await (const read of reader.records({ types })) {
    sessions.see(read.record);
    if (read.record.type === 'recording.failed') failures.push(read);
  }
  return { sessions, failures };
}

async function fullId(asked: string, reader: AuditReader): Promise<string> {
  if (asked.length < MIN_PREFIX)
    throw new Error(`${asked}: give at least ${MIN_PREFIX} characters of the id`);
  const found = new Set<string>();
  for await (const { record } of reader.records({ types: ['session.started', 'session.ended'] })) {
    const id = idOf(record);
    if (id.startsWith(asked)) found.add(id);
  }
  const [first, second] = found;
  if (first === undefined) throw new Error(`no session ${asked} in the audit`);
  if (second !== undefined)
    throw new Error(`${asked} is the beginning of ${found.size} ids; give more of it`);
  return first;
}

function idOf(record: AuditRecord): string {
  return 'sessionId' in record ? (record.sessionId ?? '') : '';
}
