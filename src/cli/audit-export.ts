import { toEcs } from '../audit/ecs.ts';
import type { AuditFilter } from '../audit/filter.ts';
import { recordMatches } from '../audit/filter.ts';
import { toOcsf } from '../audit/ocsf.ts';
import type { AuditReader } from '../audit/reader.ts';
import { SessionSummaries } from '../audit/session-summary.ts';
import type { AuditOptions } from './audit-list.ts';
import { printLines } from './audit-print.ts';
import { filterOf, withAudit } from './audit-source.ts';

type Format = 'native' | 'ocsf' | 'ecs';

/** `audit export`. */
export function exportAudit(options: AuditOptions & { readonly format: Format }): Promise<void> {
  const filter = filterOf(options, Date.now());
  return withAudit(options, async reader => {
    await printLines(exported(reader, filter, options.format));
  });
}

async function* exported(reader: AuditReader, filter: AuditFilter, format: Format): AsyncGenerator<string> {
  const sessions = new SessionSummaries();
  for await (const { record, line } of reader.records()) {
    const session = sessions.see(record);
    if (recordMatches(record, session, filter)) {
      if (format === 'native') yield line;
      else yield JSON.stringify(format === 'ocsf' ? toOcsf(record, session) : toEcs(record, session));
    }
    if (record.type === 'session.ended') sessions.forget(record.sessionId);
  }
}
