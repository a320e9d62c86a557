import type { AuditRecord } from '../audit/record.ts';
import type { SessionView } from '../session/view.ts';

/** One reason for which a session, or a part of it, is in no recording. Plain data out of the audit. */
export interface Unrecorded {
  readonly sessionId: string;
  readonly replica: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly user: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  /** Secrets are redacted in it (docs/audit.md). */
  readonly command: readonly string[];
  /** connect, header, stream, ack, finalise; `policy` when no rule asked; `process` when the proxy was gone. */
  readonly phase: string;
  readonly kind: string;
  readonly recorder?: string;
  /** One sentence for people. */
  readonly message: string;
  readonly action: string;
  /** Another recorder took over, or the session had ended: nothing is missing for this reason. */
  readonly recovered: boolean;
}

interface Known {
  readonly view: SessionView;
  readonly decision?: 'pass' | 'record' | 'refuse';
  readonly unrecorded: ReadonlyMap<string, Unrecorded>;
}

/** What a record says of that, given the session before it. */
export function unrecordedIn(record: AuditRecord, session: Known): Unrecorded | undefined {
  const missing = { ...subjectOf(record, session.view), recovered: false };
  if (record.type === 'recording.failed') {
    const { phase, kind, message, action } = record;
    const recorder = record.recorder ?? record.attempts.at(-1)?.recorder;
    return {
      ...missing,
      phase,
      kind,
      message,
      action,
      ...(recorder === undefined ? {} : { recorder }),
      recovered: action === 'handedOver' || action === 'none',
    };
  }
  if (record.type === 'session.decided' && record.decision === 'pass') {
    const message = 'no rule asks for a recording of this caller';
    return { ...missing, phase: 'policy', kind: 'notAsked', message, action: 'passed' };
  }
  if (record.type !== 'session.ended') return undefined;
  if (record.outcome === 'interrupted' && session.decision !== 'pass') {
    const message = 'the proxy was gone while the session ran';
    return { ...missing, phase: 'process', kind: 'gone', message, action: 'interrupted' };
  }
  const told = [...session.unrecorded.values()].some(({ recovered }) => !recovered);
  if (record.outcome !== 'unrecorded' || told) return undefined;
  return {
    ...missing,
    phase: 'finalise',
    kind: record.cause?.code ?? 'unknown',
    message: record.cause?.message ?? 'the recording failed',
    action: 'none',
    ...(record.recorder === undefined ? {} : { recorder: record.recorder }),
  };
}

function subjectOf({ time }: AuditRecord, view: SessionView) {
  const { id, replica = '', caller, namespace, pod, container, command } = view;
  return {
    sessionId: id,
    replica,
    at: time,
    user: caller.user,
    namespace,
    pod,
    ...(container === undefined ? {} : { container }),
    command,
  };
}
