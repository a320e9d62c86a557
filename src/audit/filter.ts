import type { AuditRecord } from './record.ts';
import type { AuditUser } from './schema.ts';
import type { SessionSummary } from './session-summary.ts';

/** What somebody asks for. Everything given must hold; `command` is a part of the command line. */
export interface AuditFilter {
  readonly user?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly command?: string;
  /** At or after; milliseconds since the epoch. */
  readonly since?: number;
  /** Before; milliseconds since the epoch. */
  readonly until?: number;
  readonly outcome?: string;
  readonly phase?: string;
  readonly kind?: string;
  readonly recorder?: string;
}

type Failure = Extract<AuditRecord, { type: 'recording.failed' }>;

/** A session that began in the time asked for; of failures, one must match as a whole. */
export function sessionMatches(session: SessionSummary, filter: AuditFilter): boolean {
  const { outcome, phase, kind, recorder } = filter;
  const asksFailure = phase !== undefined || kind !== undefined;
  return (
    whoAndWhereMatch(session, filter) &&
    isWithin(session.startedAt, filter) &&
    (outcome === undefined || (session.outcome ?? 'live') === outcome) &&
    (asksFailure
      ? session.failures.some(failure => failureIs(failure, filter))
      : recorder === undefined ||
        session.recorder === recorder ||
        session.failures.some(failure => namesRecorder(failure, recorder)))
  );
}

/** One failure, with the session it happened in as far as that is known. */
export function failureMatches(
  failure: Failure,
  session: SessionSummary | undefined,
  filter: AuditFilter,
): boolean {
  return (
    whoAndWhereMatch({ command: session?.command, user: failure.user, target: failure.target }, filter) &&
    isWithin(failure.time, filter) &&
    (filter.outcome === undefined || (session?.outcome ?? 'live') === filter.outcome) &&
    failureIs(failure, filter)
  );
}

/** Any record, by itself: what it does not say does not match. */
export function recordMatches(
  record: AuditRecord,
  session: SessionSummary | undefined,
  filter: AuditFilter,
): boolean {
  if (record.type === 'recording.failed') return failureMatches(record, session, filter);
  const { phase, kind, outcome, recorder } = filter;
  if (phase !== undefined || kind !== undefined) return false;
  return (
    whoAndWhereMatch(
      {
        command: session?.command,
        user: 'user' in record ? record.user : undefined,
        target: 'target' in record ? record.target : undefined,
      },
      filter,
    ) &&
    isWithin(record.time, filter) &&
    (outcome === undefined || ('outcome' in record && record.outcome === outcome)) &&
    (recorder === undefined || ('recorder' in record && record.recorder === recorder))
  );
}

function failureIs(failure: Failure, { phase, kind, recorder }: AuditFilter): boolean {
  return (
    (phase === undefined || failure.phase === phase) &&
    (kind === undefined ||
      failure.kind === kind ||
      failure.attempts.some(attempt => attempt.kind === kind)) &&
    (recorder === undefined || namesRecorder(failure, recorder))
  );
}

function namesRecorder(failure: Failure, recorder: string): boolean {
  return failure.recorder === recorder || failure.attempts.some(attempt => attempt.recorder === recorder);
}

function whoAndWhereMatch(
  facts: {
    readonly command?: readonly string[] | undefined;
    readonly user?: AuditUser | undefined;
    readonly target?: { readonly namespace: string; readonly pod: string } | undefined;
  },
  { user, namespace, pod, command }: AuditFilter,
): boolean {
  return (
    (user === undefined || facts.user?.name === user || facts.user?.original === user) &&
    (namespace === undefined || facts.target?.namespace === namespace) &&
    (pod === undefined || facts.target?.pod === pod) &&
    (command === undefined || facts.command?.join(' ').includes(command) === true)
  );
}

function isWithin(time: string, { since, until }: AuditFilter): boolean {
  const at = Date.parse(time);
  return (since === undefined || at >= since) && (until === undefined || at < until);
}
