import type { AuditRecord } from '../../audit/record.ts';
import type { SessionView } from '../../session/view.ts';
import type { Unrecorded } from '../unrecorded.ts';

/** What the audit says of one session. */
export interface AuditedPast {
  /** Undefined: the audit has none of it. */
  readonly session?: SessionView;
  readonly records: readonly AuditRecord[];
}

export async function fetchPast(sessionId: string): Promise<AuditedPast> {
  const response = await fetch(`/api/v1/sessions/${encodeURIComponent(sessionId)}/audit`);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  // Same origin, same build: the shape is that of history-routes.ts.
  return (await response.json()) as AuditedPast;
}

export interface Failures {
  /** How far back they go. Milliseconds. */
  readonly coversMs: number;
  /** Newest first. */
  readonly items: readonly Unrecorded[];
}

/** `since`: RFC 3339. */
export async function fetchFailures(since: string): Promise<Failures> {
  const response = await fetch(`/api/v1/failures?since=${encodeURIComponent(since)}`);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return (await response.json()) as Failures;
}
