import type { Kysely } from 'kysely';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { AuditEvent } from '../record.ts';
import type { AuditDatabase, RecordRow } from './database.ts';
import { migrate } from './database.ts';
import { holdLease, openSessionsOf, ownsItsPast, takeLapsed } from './leases.ts';
import { dropSent, SpoolReader } from './spool.ts';

/** Rows in one statement: eleven parameters each, of 65,535 that the protocol knows. */
const MAX_BATCH = 500;
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 15_000;

export interface ShipperOptions {
  /** The shipper's own: it destroys it at the end. */
  readonly db: Kysely<AuditDatabase>;
  readonly spool: string;
  /** The chain of this process, and how far it had come before this start. */
  readonly replica: string;
  readonly startSeq: number;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** These are in the database now. */
  readonly sent: (rows: readonly RecordRow[]) => void;
  /** An end that a session of a process which is gone still needs. */
  readonly orphan: (event: AuditEvent) => void;
  /** The server is away; it is tried again. */
  readonly failed: (error: Error) => void;
}

/** Takes a spool's records to the database, in order, each once however often the server goes away. */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #reader: SpoolReader;
  #begun = false;
  #rows: readonly RecordRow[] = [];
  #running: Promise<void> | undefined;
  #wanted = false;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #leasedAt = Number.NEGATIVE_INFINITY;
  #endsOwn = false;
  #closed = false;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#reader = new SpoolReader(options.spool);
  }

  /** There is something to send, or time has passed. */
  readonly wake = (): void => {
    if (this.#closed) return;
    this.#wanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  };

  /** Sends what is left if the server takes it within the limit; the spool keeps the rest. */
  async close(limitMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.wake();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>(resolve => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([this.#running, limit]);
    clearTimeout(timer);
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#reader.close();
    await this.#options.db.destroy();
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      while (this.#wanted && !this.#closed) {
        this.#wanted = false;
        await this.#send();
      }
      this.#retryMs = FIRST_RETRY_MS;
      this.#again(this.#options.leaseMs / 4);
    } catch (error) {
      if (this.#closed) return;
      this.#options.failed(error instanceof Error ? error : new Error(messageOf(error)));
      this.#again(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    }
  }

  #again(afterMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(this.wake, afterMs).unref();
  }

  async #send(): Promise<void> {
    const { db, spool, sent } = this.#options;
    if (!this.#begun) await this.#begin();
    for (;;) {
      if (this.#rows.length === 0) this.#rows = await this.#reader.next();
      if (this.#rows.length === 0) break;
      const batch = this.#rows.slice(0, MAX_BATCH);
      // The last process, or a connection that broke after its commit, may have sent them already.
      await db
        .insertInto('audit_record')
        .values(batch)
        .onConflict(on => on.doNothing())
        .execute();
      this.#rows = this.#rows.slice(batch.length);
      sent(batch);
      await dropSent(spool, Number(batch.at(-1)?.seq ?? 0));
    }
    await this.#tend(db);
  }

  /** The first contact. */
  async #begin(): Promise<void> {
    const { db, replica, leaseMs } = this.#options;
    await migrate(db);
    this.#endsOwn = await ownsItsPast(db, replica, leaseMs);
    this.#begun = true;
  }

  /** Once all is sent: the own orphans, the lease, and the orphans of those whose lease has lapsed. */
  async #tend(db: Kysely<AuditDatabase>): Promise<void> {
    const { replica, startSeq, clock, leaseMs, orphan } = this.#options;
    if (this.#endsOwn) {
      for (const event of await openSessionsOf(db, replica, startSeq)) orphan(event);
      this.#endsOwn = false;
    }
    if (clock.monotonic() - this.#leasedAt < leaseMs / 4) return;
    await holdLease(db, replica, leaseMs);
    this.#leasedAt = clock.monotonic();
    for (const gone of await takeLapsed(db)) {
      for (const event of await openSessionsOf(db, gone)) orphan(event);
    }
  }
}
