import { factsIn } from '../audit/event-check.ts';
import { OpenSessions } from '../audit/orphans.ts';
import type { AuditEvent, AuditSink } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { LimitFigures } from '../proxy/limits.ts';
import type { RecorderHealth } from '../recording/recorder-health.ts';
import type { FailOpenLedger } from '../session/fail-open-ledger.ts';
import { Admissions } from './admissions.ts';
import type { FromPrimary, FromWorker, SlotKind, Standings } from './protocol.ts';
import { SlotPool } from './slot-pool.ts';
import type { WorkerSessions } from './worker-sessions.ts';
import { INTERRUPTED } from './worker-sessions.ts';

/** What a worker says once it serves. */
export type Report = Exclude<FromWorker, { kind: 'here' | 'listening' | 'failed' }>;

interface Unacked {
  readonly bytes: number;
  readonly ageSeconds: number;
}

export interface DeskParts {
  readonly clock: Clock;
  /** The one audit of all workers. */
  readonly audit: AuditSink;
  readonly mayStartSession: () => boolean;
  /** Resolves when what the audit was told is as durable as it should be, or cannot be: `mayStartSession` knows. */
  readonly settled: () => Promise<void>;
  readonly ledger: Pick<FailOpenLedger, 'spent' | 'open' | 'standings'>;
  readonly health: Pick<RecorderHealth, 'failed' | 'accepted'>;
  readonly sessions: WorkerSessions;
  readonly limits: LimitFigures;
  readonly say: (worker: number, message: FromPrimary) => void;
  readonly sayToAll: (message: FromPrimary) => void;
  readonly metrics: Pick<Metrics, 'tell' | 'lagged'>;
}

/** Where the primary hears its workers: what they may, what they did, and what is to be done when one dies. */
export class Desk {
  readonly #parts: DeskParts;
  readonly #admissions: Admissions;
  readonly #slots: Readonly<Record<SlotKind, SlotPool>>;
  /** By worker: what its sessions have said, for those that it leaves behind. */
  readonly #open = new Map<number, OpenSessions>();
  /** By worker and entry: stops the count of a session that goes on unrecorded. */
  readonly #unrecorded = new Map<number, Map<number, () => void>>();
  /** By worker: how often one of that number has died. An answer to a dead one is none to its successor. */
  readonly #deaths = new Map<number, number>();
  /** By worker, as it last said. */
  readonly #unacked = new Map<number, Unacked>();
  #lost = 0;

  constructor(parts: DeskParts) {
    const { requests, longRunning } = parts.limits;
    this.#parts = parts;
    this.#admissions = new Admissions(parts.limits);
    this.#slots = { requests: new SlotPool(requests), longRunning: new SlotPool(longRunning) };
  }

  /** Records that never reached this process. */
  get lost(): number {
    return this.#lost;
  }

  unacked(): Unacked {
    const all = [...this.#unacked.values()];
    return {
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      ageSeconds: all.reduce((oldest, { ageSeconds }) => Math.max(oldest, ageSeconds), 0),
    };
  }

  hear(worker: number, report: Report): void {
    const { say, sessions, health, mayStartSession, metrics } = this.#parts;
    switch (report.kind) {
      case 'audit':
        this.#audit(worker, report.event);
        break;
      case 'flush':
        this.#whenSettled(worker, () =>
          say(worker, { kind: 'flushed', ask: report.ask, mayStart: mayStartSession() }),
        );
        break;
      case 'lost':
        this.#lost += report.count;
        break;
      case 'view':
        sessions.saw(worker, report.view);
        break;
      case 'admit': {
        const refusal = this.#admissions.admit(worker, report.sessionId, report.user);
        say(worker, {
          kind: 'admitted',
          ask: report.ask,
          ...(refusal === undefined ? {} : { refusal }),
        });
        break;
      }
      case 'leave':
        this.#admissions.over(report.sessionId);
        break;
      case 'takeSlots': {
        const { what, count } = report;
        say(worker, { kind: 'slots', what, count: this.#slots[what].take(worker, count) });
        break;
      }
      case 'giveSlots':
        this.#slots[report.what].give(worker, report.count);
        break;
      case 'recorder':
        if (report.well) health.accepted(report.recorder);
        else health.failed(report.recorder);
        break;
      case 'unrecorded':
        this.#goesOnUnrecorded(worker, report);
        break;
      case 'unrecordedOver':
        this.#unrecorded.get(worker)?.get(report.entry)?.();
        this.#unrecorded.get(worker)?.delete(report.entry);
        this.tellStandings();
        break;
      case 'castLines':
        sessions.castLines(worker, report.sessionId, report.lines);
        break;
      case 'castOver':
        sessions.castOver(report.sessionId, report.how);
        break;
      case 'counted':
        this.#count(report);
        break;
      case 'pulse':
        metrics.lagged(report.lag);
        this.#unacked.set(worker, report.unacked);
        break;
    }
  }

  /** A worker has died, and everything that it said has been heard: its sessions are ended, once each. */
  gone(worker: number): void {
    this.#deaths.set(worker, (this.#deaths.get(worker) ?? 0) + 1);
    const { audit, sessions } = this.#parts;
    for (const end of this.#open.get(worker)?.ends(INTERRUPTED.message) ?? []) audit.write(end);
    this.#open.delete(worker);
    sessions.gone(worker);
    this.#admissions.gone(worker);
    for (const pool of Object.values(this.#slots)) pool.gone(worker);
    for (const close of this.#unrecorded.get(worker)?.values() ?? []) close();
    this.#unrecorded.delete(worker);
    this.#unacked.delete(worker);
    this.tellStandings();
  }

  /** How the fail-open budgets stand; workers reckon on from there. */
  standings(): Standings {
    return [...this.#parts.ledger.standings()].map(([rule, standing]) => ({ rule, ...standing }));
  }

  tellStandings(): void {
    const standings = this.standings();
    if (standings.length > 0) this.#parts.sayToAll({ kind: 'standings', standings });
  }

  #count({ proxied, eventRecording, requests }: Extract<FromWorker, { readonly kind: 'counted' }>): void {
    const { metrics } = this.#parts;
    for (let at = 0; at < proxied; at++) metrics.tell({ kind: 'proxied' });
    for (let at = 0; at < eventRecording; at++) metrics.tell({ kind: 'eventRecording' });
    for (const request of requests) metrics.tell({ kind: 'request', ...request });
  }

  #whenSettled(worker: number, then: () => void): void {
    const deaths = this.#deaths.get(worker);
    void this.#parts.settled().then(() => {
      if (this.#deaths.get(worker) === deaths) then();
    });
  }

  #audit(worker: number, event: AuditEvent): void {
    const { audit, clock } = this.#parts;
    audit.write(event);
    if (!('sessionId' in event) || !('target' in event)) return;
    const facts = factsIn(event);
    if (facts === undefined) return;
    const open = this.#open.get(worker) ?? new OpenSessions();
    this.#open.set(worker, open);
    open.see({ ...facts, time: new Date(clock.now()).toISOString() });
    if (event.type === 'session.ended') this.#admissions.over(event.sessionId);
  }

  /** The worker has judged by what it last heard; the last word is here. */
  #goesOnUnrecorded(
    worker: number,
    { entry, budgets }: Extract<FromWorker, { readonly kind: 'unrecorded' }>,
  ): void {
    const { ledger, say } = this.#parts;
    const spent = ledger.spent(budgets);
    if (spent !== undefined) {
      say(worker, { kind: 'spent', entry, spent });
      return;
    }
    const entries = this.#unrecorded.get(worker) ?? new Map<number, () => void>();
    this.#unrecorded.set(worker, entries);
    entries.set(
      entry,
      ledger.open(budgets, used => say(worker, { kind: 'spent', entry, spent: used })),
    );
    this.tellStandings();
  }
}
