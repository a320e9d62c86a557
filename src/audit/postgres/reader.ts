import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { readLine } from '../chain.ts';
import type { AuditLine, AuditReader, ReadRange } from '../reader.ts';
import type { AuditDatabase } from './database.ts';
import { openDatabase } from './database.ts';

/** Rows fetched at once. */
const PAGE = 1_000;
const POLL_MS = 500;

/** Reads what all replicas wrote. Rejects when the server or its tables are not there. */
export async function openPostgresReader({ url }: { readonly url: string }): Promise<AuditReader> {
  const db = await openDatabase({ url });
  try {
    await db.selectFrom('audit_record').select('id').limit(1).execute();
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    records: range => recordsOf(db, range),
    follow: signal => followed(db, signal),
    lines: () => linesOf(db),
    close: () => db.destroy(),
  };
}

/** Pages by key, so that what is written meanwhile moves nothing. */
async function* recordsOf(db: Kysely<AuditDatabase>, range: ReadRange = {}): AsyncGenerator<AuditLine> {
  let last: { readonly time: Date; readonly id: string } | undefined;
  for (;;) {
    let query = db.selectFrom('audit_record').select(['time', 'id', 'line']);
    if (range.types !== undefined) query = query.where('type', 'in', [...range.types]);
    if (range.sessionId !== undefined) query = query.where('session_id', '=', range.sessionId);
    if (range.sinceMs !== undefined) query = query.where('time', '>=', new Date(range.sinceMs));
    if (last !== undefined) {
      const { time, id } = last;
      query = query.where(({ eb, or, and }) =>
        or([eb('time', '>', time), and([eb('time', '=', time), eb('id', '>', id)])]),
      );
    }
    const rows = await query.orderBy('time').orderBy('id').limit(PAGE).execute();
    for (const row of rows) {
      const read = readLine(row.line);
      if (read !== undefined) yield read;
    }
    last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
  }
}

/** Chain by chain: within one, numbers appear in order; over all of them nothing does. */
async function* followed(db: Kysely<AuditDatabase>, signal: AbortSignal): AsyncGenerator<AuditLine> {
  const seen = await heads(db);
  while (!signal.aborted) {
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    for (const replica of (await heads(db)).keys()) {
      const rows = await db
        .selectFrom('audit_record')
        .select(['seq', 'line'])
        .where('replica', '=', replica)
        .where('seq', '>', seen.get(replica) ?? '0')
        .orderBy('seq')
        .limit(PAGE)
        .execute();
      for (const { seq, line } of rows) {
        seen.set(replica, seq);
        const read = readLine(line);
        if (read !== undefined) yield read;
      }
    }
  }
}

async function heads(db: Kysely<AuditDatabase>): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('audit_record')
    .select(({ fn }) => ['replica', fn.max('seq').as('seq')])
    .groupBy('replica')
    .execute();
  return new Map(rows.map(({ replica, seq }) => [replica, String(seq)]));
}

async function* linesOf(db: Kysely<AuditDatabase>) {
  for (const replica of (await heads(db)).keys()) {
    let after = '0';
    for (;;) {
      const rows = await db
        .selectFrom('audit_record')
        .select(['seq', 'line'])
        .where('replica', '=', replica)
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(PAGE)
        .execute();
      for (const { seq, line } of rows) yield { text: line, file: replica, number: Number(seq) };
      after = rows.at(-1)?.seq ?? after;
      if (rows.length < PAGE) break;
    }
  }
}
