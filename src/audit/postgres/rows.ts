import { readLine } from '../chain.ts';
import type { AuditRecord } from '../record.ts';
import type { RecordRow } from './database.ts';

export function rowOf(record: AuditRecord, line: string): RecordRow {
  return {
    replica: record.replica,
    seq: String(record.seq),
    id: record.id,
    time: new Date(record.time),
    type: record.type,
    session_id: column('sessionId' in record ? record.sessionId : undefined),
    user_name: column('user' in record ? record.user?.name : undefined),
    namespace: column('target' in record ? record.target.namespace : undefined),
    pod: column('target' in record ? record.target.pod : undefined),
    outcome: column('outcome' in record ? record.outcome : undefined),
    line,
  };
}

/** Undefined: a torn line, which stays in its spool. */
export function rowOfLine(line: string): RecordRow | undefined {
  const read = readLine(line);
  return read === undefined ? undefined : rowOf(read.record, line);
}

/** PostgreSQL's text knows no NUL; in `line` it stands escaped. */
function column(text: string | undefined): string | null {
  return text?.replaceAll('\0', '') ?? null;
}
