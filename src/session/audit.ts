import type { SessionOutput } from '../../machines/session.ts';
import type { AuditAttempt, AuditSink, AuditSubject, AuditTarget } from '../audit/record.ts';
import type { Logger } from '../log.ts';
import type { Caller } from '../policy/caller.ts';
import type { Decision } from '../policy/decide.ts';
import type { Gap } from '../recording/gap.ts';
import type { StreamTallies } from '../recording/tally.ts';
import type { Violation } from '../wire/codec.ts';
import type { SessionRequest } from './request.ts';

export interface RecordingFailure {
  readonly phase: string;
  readonly kind: string;
  readonly recorder?: string;
  readonly message: string;
  readonly failMode: 'open' | 'closed';
  readonly action: 'denied' | 'terminated' | 'continuedUnrecorded' | 'handedOver' | 'none';
  readonly attempts?: readonly AuditAttempt[];
}

/** What the audit is told of one session; each record carries who and where. */
export class SessionAudit {
  readonly #sink: AuditSink;
  readonly #log: Logger;
  readonly #request: SessionRequest;
  readonly #facts: {
    readonly sessionId: string;
    readonly subject: AuditSubject;
    readonly target: AuditTarget;
  };

  constructor(id: string, request: SessionRequest, env: { readonly audit: AuditSink; readonly log: Logger }) {
    this.#sink = env.audit;
    this.#log = env.log;
    this.#request = request;
    const { namespace, pod, exec } = request;
    this.#facts = {
      sessionId: id,
      subject: auditSubject(request.caller, request.remoteAddress, request.userAgent),
      target: { namespace, pod, ...(exec.container === undefined ? {} : { container: exec.container }) },
    };
  }

  started(): void {
    const { type, exec, upgrade } = this.#request;
    this.#sink.write({
      type: 'session.started',
      ...this.#facts,
      sessionType: type,
      command: exec.command,
      tty: exec.streams.tty,
      transport: upgrade.transport,
    });
  }

  decided(decision: Decision): void {
    this.#sink.write({
      type: 'session.decided',
      ...this.#facts,
      decision: decision.kind,
      ...(decision.kind === 'record' ? { failMode: decision.failMode } : {}),
      rules: decision.origins,
    });
  }

  callerViolated({ code, message }: Violation): void {
    this.#sink.write({ type: 'caller.violated', ...this.#facts, code, message });
  }

  recordingFailed(failure: RecordingFailure): void {
    this.#sink.write({ type: 'recording.failed', ...this.#facts, attempts: [], ...failure });
    this.#log.warn({ session: this.#facts.sessionId, ...failure }, 'recording failed');
  }

  recordingResumed(recorder: string, gap: Gap): void {
    this.#sink.write({ type: 'recording.resumed', ...this.#facts, recorder, gap });
  }

  ended(end: {
    readonly output: SessionOutput;
    readonly recorder: string | undefined;
    readonly subprotocol: string | undefined;
    readonly exitCode: number | undefined;
    readonly durationMs: number;
    readonly streams: StreamTallies;
    readonly gaps: readonly Gap[];
  }): void {
    const { output, recorder, subprotocol, exitCode, durationMs, streams, gaps } = end;
    this.#sink.write({
      type: 'session.ended',
      ...this.#facts,
      outcome: output.outcome,
      ...(output.cause === undefined ? {} : { cause: output.cause }),
      ...(recorder === undefined ? {} : { recorder }),
      ...(subprotocol === undefined ? {} : { subprotocol }),
      ...(exitCode === undefined ? {} : { exitCode }),
      durationMs,
      streams,
      gaps,
    });
  }
}

export function auditSubject(
  caller: Caller,
  address: string | undefined,
  userAgent: string | undefined,
): AuditSubject {
  return {
    user: caller.user,
    groups: caller.groups,
    source: caller.source,
    ...(address === undefined ? {} : { address }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}
