import type { Kysely } from 'kysely';
import { readLine } from '../chain.ts';
import { OpenSessions } from '../orphans.ts';
import type { AuditEvent } from '../record.ts';
import type { AuditDatabase } from './database.ts';

/** Says that the process behind a chain lives. By the server's clock: those of replicas differ. */
export async function holdLease(db: Kysely<AuditDatabase>, replica: string, leaseMs: number): Promise<void> {
  const { sql } = await import('kysely');
  const until = sql<Date>`now() + ${leaseMs} * interval '1 millisecond'`;
  await db
    .insertInto('audit_lease')
    .values({ replica, until })
    .onConflict(on => on.column('replica').doUpdateSet({ until }))
    .execute();
}

/**
 * Whether a process that starts with a chain has the sessions of its predecessor to end: not when another replica has
 * taken the lapsed lease, and with it that duty.
 */
export async function ownsItsPast(
  db: Kysely<AuditDatabase>,
  replica: string,
  leaseMs: number,
): Promise<boolean> {
  const { sql } = await import('kysely');
  const { numUpdatedRows } = await db
    .updateTable('audit_lease')
    .set({ until: sql<Date>`now() + ${leaseMs} * interval '1 millisecond'` })
    .where('replica', '=', replica)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows > 0n) return true;
  const known = await db
    .selectFrom('audit_record')
    .select('id')
    .where('replica', '=', replica)
    .limit(1)
    .execute();
  return known.length === 0;
}

/** Chains whose process is gone. Each is given to one caller only. */
export async function takeLapsed(db: Kysely<AuditDatabase>): Promise<string[]> {
  const { sql } = await import('kysely');
  const rows = await db
    .deleteFrom('audit_lease')
    .where('until', '<', sql<Date>`now()`)
    .returning('replica')
    .execute();
  return rows.map(({ replica }) => replica);
}

/** The ends that sessions of a chain need, as far as the database knows them. */
export async function openSessionsOf(
  db: Kysely<AuditDatabase>,
  replica: string,
  upToSeq?: number,
): Promise<AuditEvent[]> {
  let query = db
    .selectFrom('audit_record as record')
    .select('line')
    .where('replica', '=', replica)
    .where('session_id', 'is not', null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('audit_record as ended')
            .select('ended.id')
            .whereRef('ended.session_id', '=', 'record.session_id')
            .where('ended.type', '=', 'session.ended'),
        ),
      ),
    )
    .orderBy('seq');
  if (upToSeq !== undefined) query = query.where('seq', '<=', String(upToSeq));
  const sessions = new OpenSessions();
  for (const { line } of await query.execute()) {
    const read = readLine(line);
    if (read !== undefined) sessions.see(read.record);
  }
  return sessions.ends();
}
