import type { AuditOutcome, AuditRecord } from './record.ts';

/** The exec and attach requests of one day, by what became of them. */
export interface DayCoverage {
  /** UTC, `2026-01-31`; a session counts on the day it began. */
  readonly day: string;
  /** Sessions that began, and requests that were refused before there was a session. */
  readonly requests: number;
  /** Counted from the ends; `refused` holds those refused before there was a session too. */
  readonly outcomes: Readonly<Record<AuditOutcome, number>>;
  /** Began and have no end yet. */
  readonly live: number;
}

export interface Coverage {
  readonly days: readonly DayCoverage[];
  /** Why the parts do not add up to the requests; empty when they do. */
  readonly contradictions: readonly string[];
}

/** Path of an exec or attach (core/v1). */
const SESSION_PATH = /\/pods\/[^/]+\/(?:exec|attach)$/;

interface Day {
  requests: number;
  readonly outcomes: Record<AuditOutcome, number>;
  live: number;
}

/** Counts beginnings and ends apart from each other, so that their sums say something. */
export class CoverageCount {
  /** Day on which each session began; undefined once it has ended. */
  readonly #began = new Map<string, string | undefined>();
  readonly #days = new Map<string, Day>();
  readonly #tunnels = new Set<string>();
  readonly #contradictions: string[] = [];

  see(record: AuditRecord): void {
    const today = record.time.slice(0, 10);
    if ((record.type === 'request.unrecordable' || record.type === 'tunnel.started') && record.tunnelId)
      this.#tunnels.add(record.tunnelId);
    if (record.type === 'request.refused' && SESSION_PATH.test(record.path)) {
      const day = this.#day(today);
      day.requests++;
      day.outcomes.refused++;
    } else if (record.type === 'session.started') this.#begin(record.sessionId, today);
    else if (record.type === 'session.ended') this.#end(record.sessionId, today, record.outcome);
  }

  /** Whether a session or tunnel of that id, which is its Audit-ID upstream too, passed through here. */
  knows(auditId: string): boolean {
    return this.#began.has(auditId) || this.#tunnels.has(auditId);
  }

  result(): Coverage {
    const days = [...this.#days]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([day, counts]) => ({ day, ...counts }));
    const uneven = days
      .filter(({ requests, outcomes, live }) => requests !== live + sum(Object.values(outcomes)))
      .map(({ day }) => `${day}: the parts do not add up to the requests`);
    return { days, contradictions: [...this.#contradictions, ...uneven] };
  }

  #begin(sessionId: string, today: string): void {
    const day = this.#day(today);
    day.requests++;
    if (this.#began.has(sessionId)) {
      this.#contradictions.push(`session ${sessionId} began twice`);
      return;
    }
    this.#began.set(sessionId, today);
    day.live++;
  }

  #end(sessionId: string, today: string, outcome: AuditOutcome): void {
    const began = this.#began.get(sessionId);
    const day = this.#day(began ?? today);
    day.outcomes[outcome]++;
    if (began === undefined) {
      const why = this.#began.has(sessionId) ? 'ended twice' : 'ended and never began';
      this.#contradictions.push(`session ${sessionId} ${why}`);
      return;
    }
    this.#began.set(sessionId, undefined);
    day.live--;
  }

  #day(name: string): Day {
    const known = this.#days.get(name);
    if (known !== undefined) return known;
    const outcomes = {
      recorded: 0,
      unrecorded: 0,
      passed: 0,
      refused: 0,
      terminated: 0,
      aborted: 0,
      stopped: 0,
      interrupted: 0,
    };
    const day = { requests: 0, outcomes, live: 0 };
    this.#days.set(name, day);
    return day;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
