import type { AuditFilter } from '../audit/filter.ts';
import { recordMatches } from '../audit/filter.ts';
import type { AuditReader } from '../audit/reader.ts';
import { SessionSummaries } from '../audit/session-summary.ts';
import type { AuditOptions } from './audit-list.ts';
import { printLines } from './audit-print.ts';
import { filterOf, withAudit } from './audit-source.ts';
import { recordLine } from './audit-table.ts';
import { onStopSignal } from './signals.ts';

/** `audit follow`: until a signal, or until whoever reads has gone. */
export function followAudit(options: AuditOptions): Promise<void> {
  const filter = filterOf(options, Date.now());
  const stop = new AbortController();
  void onStopSignal().then(() => stop.abort());
  return withAudit(options, async reader => {
    await printLines(followed(reader, filter, options.json === true, stop.signal));
  });
}

async function* followed(
  reader: AuditReader,
  filter: AuditFilter,
  json: boolean,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const sessions = new SessionSummaries();
  for await (const { record, line } of reader.follow(signal)) {
    const session = sessions.see(record);
    if (recordMatches(record, session, filter)) yield json ? line : recordLine(record);
    if (record.type === 'session.ended') sessions.forget(record.sessionId);
  }
}
