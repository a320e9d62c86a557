import { setTimeout as sleep } from 'node:timers/promises';
import { EventEmitter } from 'eventemitter3';
import type { AuditReader } from '../audit/reader.ts';
import type { AuditRecord } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { SessionView } from '../session/view.ts';
import type { AuditedSession } from './audited-session.ts';
import { auditedSession } from './audited-session.ts';
import type { Unrecorded } from './unrecorded.ts';

export interface AuditTrailOptions {
  readonly open: () => Promise<AuditReader>;
  readonly clock: Clock;
  readonly log: Logger;
  /** All others' sessions are told of by `changed`. Undefined: there are no others. */
  readonly ownReplica: string | undefined;
  /** Of sessions of others that have ended. */
  readonly keepEnded: number;
  readonly keepEndedMs: number;
}

export interface SessionHistory {
  readonly view: SessionView;
  /** In the order of their chain, at most `MAX_RECORDS`. */
  readonly records: readonly AuditRecord[];
}

/** What the page looks back on. */
export const HISTORY_MS = 7 * 24 * 3_600_000;
/** Reasons that are kept in memory; older ones are in the audit only. */
export const MAX_UNRECORDED = 10_000;
/** Sessions without an end that are followed; the longest open ones are let go of. */
const MAX_OPEN = 50_000;
/** Ended sessions of which a record may be read a second time. */
const MAX_OVER = 10_000;
/** Of one session, in one answer. */
export const MAX_RECORDS = 1_000;
const RETRY_MS = 2_000;

/**
 * What the audit says, kept up with: why sessions were not recorded, and what other replicas' sessions do. Reads the days
 * behind once, then follows; when the audit cannot be read it says so in the log and begins again.
 */
export class AuditTrail extends EventEmitter<{ changed: [SessionView] }> {
  readonly #options: AuditTrailOptions;
  /** Sessions without an end. */
  readonly #open = new Map<string, AuditedSession>();
  /** Of other replicas, the longest ended first. */
  readonly #ended = new Map<string, SessionView>();
  readonly #over = new Set<string>();
  readonly #unrecorded = new Map<string, Unrecorded>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #loaded: Promise<void> | undefined;
  #tellLoaded = (): void => {};
  #loading = false;
  #lookUps: Promise<unknown> = Promise.resolve();

  constructor(options: AuditTrailOptions) {
    super();
    this.#options = options;
  }

  /** Begins to read, once; resolves when it has come to the present for the first time. */
  start(): Promise<void> {
    this.#loaded ??= new Promise(resolve => {
      this.#tellLoaded = resolve;
    });
    this.#running ??= this.#run();
    return this.#loaded;
  }

  /** Newest first. */
  async unrecorded(): Promise<readonly Unrecorded[]> {
    await this.start();
    const since = new Date(this.#options.clock.now() - HISTORY_MS).toISOString();
    return [...this.#unrecorded.values()]
      .filter(({ at }) => at >= since)
      .sort((a, b) => b.at.localeCompare(a.at));
  }

  /** Sessions of other replicas: live ones first, then those that ended lately. */
  others(): SessionView[] {
    this.#forgetOld();
    const live = [...this.#open.values()].filter(({ replica }) => this.#isOther(replica));
    return [...live.map(({ view }) => view), ...this.#ended.values()];
  }

  other(id: string): SessionView | undefined {
    const open = this.#open.get(id);
    return open !== undefined && this.#isOther(open.replica) ? open.view : this.#ended.get(id);
  }

  /** Everything that the audit has of one session. One look at a time: each may read all of it. */
  history(sessionId: string): Promise<SessionHistory | undefined> {
    const look = this.#lookUps.then(() => this.#historyOf(sessionId));
    this.#lookUps = look.catch(() => undefined);
    return look;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #historyOf(sessionId: string): Promise<SessionHistory | undefined> {
    const reader = await this.#options.open();
    try {
      let session: AuditedSession | undefined;
      const records: AuditRecord[] = [];
      for await (const { record } of reader.records({ sessionId })) {
        session = auditedSession(session, record);
        if (records.length < MAX_RECORDS) records.push(record);
      }
      return session === undefined ? undefined : { view: session.view, records };
    } finally {
      await reader.close();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#readOnce(signal);
      } catch (error) {
        this.#options.log.warn({ error: messageOf(error) }, 'the audit cannot be read for the page');
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
    this.#tellLoaded();
  }

  /** Follows from before it reads, so that nothing falls between; what comes twice changes nothing. */
  async #readOnce(stopped: AbortSignal): Promise<void> {
    const { open, clock } = this.#options;
    const over = new AbortController();
    const reader = await open();
    try {
      const following = reader.follow(AbortSignal.any([stopped, over.signal]))[Symbol.asyncIterator]();
      let next = following.next();
      // Whatever it is, the loop below meets it again.
      next.catch(() => undefined);
      await this.#load(reader, clock.now() - HISTORY_MS);
      for (let line = await next; line.done !== true; line = await next) {
        this.see(line.value.record);
        next = following.next();
      }
    } finally {
      over.abort();
      await reader.close();
    }
  }

  async #load(reader: AuditReader, sinceMs: number): Promise<void> {
    this.#loading = true;
    try {
      for await (const { record } of reader.records({ sinceMs })) {
        if (this.#stop.signal.aborted) return;
        this.see(record);
      }
    } finally {
      this.#loading = false;
    }
    this.#tellLoaded();
    for (const view of this.others()) this.emit('changed', view);
  }

  /** Adds one record. */
  see(record: AuditRecord): void {
    if (!('sessionId' in record) || record.sessionId === undefined) return;
    const id = record.sessionId;
    if (this.#over.has(id)) return;
    const before = this.#open.get(id);
    const session = auditedSession(before, record);
    if (session === undefined || session === before) return;
    for (const [said, entry] of session.unrecorded) this.#unrecorded.set(said, entry);
    const { view, replica } = session;
    const ended = view.endedAt !== undefined;
    if (ended) {
      this.#open.delete(id);
      this.#over.add(id);
      if (this.#isOther(replica)) this.#ended.set(id, view);
    } else {
      this.#open.set(id, session);
    }
    trim(this.#unrecorded, MAX_UNRECORDED);
    trim(this.#open, MAX_OPEN);
    trim(this.#over, MAX_OVER);
    this.#forgetOld();
    if (!this.#loading && this.#isOther(replica)) this.emit('changed', view);
  }

  #isOther(replica: string): boolean {
    const { ownReplica } = this.#options;
    return ownReplica !== undefined && replica !== ownReplica;
  }

  #forgetOld(): void {
    const { keepEnded, keepEndedMs, clock } = this.#options;
    const oldest = clock.now() - keepEndedMs;
    for (const [id, { endedAt = '' }] of this.#ended) {
      if (this.#ended.size <= keepEnded && Date.parse(endedAt) >= oldest) return;
      this.#ended.delete(id);
    }
  }
}

/** Lets go of the oldest. */
function trim(kept: Map<string, unknown> | Set<string>, most: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= most) return;
    kept.delete(oldest);
  }
}
