import type { AuditGap, AuditRecord, AuditTarget } from './record.ts';
import type { AuditClient, AuditUser } from './schema.ts';

type Of<Type extends AuditRecord['type']> = Extract<AuditRecord, { type: Type }>;

/** One session, told by all its records. */
export interface SessionSummary {
  readonly sessionId: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly user: AuditUser;
  readonly client: AuditClient;
  readonly target: AuditTarget;
  readonly sessionType: 'exec' | 'attach';
  readonly command: readonly string[];
  readonly decision?: 'pass' | 'record' | 'refuse';
  readonly failMode?: 'open' | 'closed';
  readonly failures: readonly Of<'recording.failed'>[];
  /** Undefined: it goes on. */
  readonly outcome?: Of<'session.ended'>['outcome'];
  readonly cause?: { readonly code: string; readonly message: string };
  readonly exitCode?: number;
  readonly recorder?: string;
  readonly durationMs?: number;
  readonly gaps: readonly AuditGap[];
  readonly unrecordedMs: number;
  readonly unrecordedBytes: number;
}

/** Folds records into sessions. Records of sessions that began in files that are not here have no place in it. */
export class SessionSummaries {
  readonly #sessions = new Map<string, SessionSummary>();

  see(record: AuditRecord): SessionSummary | undefined {
    if (!('sessionId' in record) || record.sessionId === undefined) return undefined;
    const before = this.#sessions.get(record.sessionId);
    const after = before === undefined ? begun(record) : folded(before, record);
    if (after !== undefined) this.#sessions.set(record.sessionId, after);
    return after;
  }

  get(sessionId: string): SessionSummary | undefined {
    return this.#sessions.get(sessionId);
  }

  /** For who goes on for long, and needs no more of it. */
  forget(sessionId: string): void {
    this.#sessions.delete(sessionId);
  }

  /** In the order in which they began. */
  all(): SessionSummary[] {
    return [...this.#sessions.values()];
  }
}

function begun(record: AuditRecord): SessionSummary | undefined {
  if (record.type !== 'session.started') return undefined;
  const { sessionId, time, user, client, target, sessionType, command } = record;
  return {
    sessionId,
    startedAt: time,
    user,
    client,
    target,
    sessionType,
    command,
    failures: [],
    gaps: [],
    unrecordedMs: 0,
    unrecordedBytes: 0,
  };
}

function folded(session: SessionSummary, record: AuditRecord): SessionSummary {
  switch (record.type) {
    case 'session.decided':
      return {
        ...session,
        decision: record.decision,
        ...(record.failMode === undefined ? {} : { failMode: record.failMode }),
      };
    case 'recording.failed':
      return { ...session, failures: [...session.failures, record] };
    case 'session.ended':
      return { ...session, ...ended(record) };
    default:
      return session;
  }
}

function ended(record: Of<'session.ended'>): Partial<SessionSummary> {
  const { outcome, cause, exitCode, recorder, durationMs, gaps, unrecordedMs, unrecordedBytes } = record;
  return {
    endedAt: record.time,
    outcome,
    ...(cause === undefined ? {} : { cause }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(recorder === undefined ? {} : { recorder }),
    durationMs,
    gaps,
    unrecordedMs,
    unrecordedBytes,
  };
}
