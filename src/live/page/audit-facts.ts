import type { AuditGap, AuditRecord } from '../../audit/record.ts';

type Of<Type extends AuditRecord['type']> = Extract<AuditRecord, { type: Type }>;

/** What only the audit tells of a session. */
export interface AuditFacts {
  readonly decided?: Of<'session.decided'>;
  readonly attempts: readonly Of<'recorder.attempted'>[];
  readonly gaps: readonly AuditGap[];
  /** A gap that has begun and not ended. Milliseconds since the session began. */
  readonly openGapMs?: number;
}

export function auditFacts(records: readonly AuditRecord[]): AuditFacts {
  const decided = records.find(record => record.type === 'session.decided');
  const ended = records.find(record => record.type === 'session.ended');
  const resumed = records.filter(record => record.type === 'recording.resumed').map(({ gap }) => gap);
  const begun = records.filter(record => record.type === 'recording.gap');
  const openGapMs = ended === undefined && begun.length > resumed.length ? begun.at(-1)?.fromMs : undefined;
  return {
    ...(decided === undefined ? {} : { decided }),
    attempts: records.filter(record => record.type === 'recorder.attempted'),
    gaps: ended?.gaps ?? resumed,
    ...(openGapMs === undefined ? {} : { openGapMs }),
  };
}
