import type { AuditEvent } from '../audit/record.ts';

/** A recording that failed, as it is told beside the audit. */
export interface RecordingFailed {
  readonly facts: Extract<AuditEvent, { type: 'recording.failed' }>;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly id: string;
}

/** Whether another try may come out otherwise (RFC 9110 sections 15.5.9 and 15.6, RFC 6585 section 4). */
export function isWorthRetrying(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}
