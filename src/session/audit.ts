import type { SessionOutput } from '../../machines/session.ts';
import type {
  AuditAttempt,
  AuditEvent,
  AuditLastAcked,
  AuditRecording,
  AuditSink,
  AuditSubject,
  AuditTarget,
} from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Caller } from '../policy/caller.ts';
import type { Decision } from '../policy/decide.ts';
import { ORIGINAL_USER } from '../policy/impersonate.ts';
import type { Gap } from '../recording/gap.ts';
import type { StreamTallies } from '../recording/tally.ts';
import type { Violation } from '../wire/codec.ts';
import type { SpentBudget } from './fail-open-ledger.ts';
import type { SessionRequest } from './request.ts';
import { contractName } from './view.ts';

export interface RecordingFailure {
  readonly phase: string;
  readonly kind: string;
  readonly recorder?: string;
  readonly message: string;
  readonly failMode: 'open' | 'closed';
  readonly action: 'denied' | 'terminated' | 'continuedUnrecorded' | 'handedOver' | 'none';
  readonly attempts?: readonly AuditAttempt[];
  readonly budget?: SpentBudget;
  readonly lastAcked?: AuditLastAcked;
}

export interface SessionEnd {
  readonly output: SessionOutput;
  readonly recorder: string | undefined;
  readonly subprotocol: string | undefined;
  readonly exitCode: number | undefined;
  readonly durationMs: number;
  readonly streams: StreamTallies;
  readonly gaps: readonly Gap[];
  readonly budget?: SpentBudget;
  readonly lastAcked?: AuditLastAcked;
  readonly recording?: AuditRecording;
}

/** What the audit is told of one session; each record carries who and where. */
export class SessionAudit {
  readonly #env: { readonly audit: AuditSink; readonly log: Logger; readonly clock: Clock };
  readonly #request: SessionRequest;
  readonly #startedAt: number;
  readonly #facts: {
    readonly sessionId: string;
    readonly subject: AuditSubject;
    readonly target: AuditTarget;
  };
  #rules: readonly string[] = [];
  #state = 'deciding';
  #previousState: string | undefined;
  #since: number;
  #ended = false;

  constructor(
    id: string,
    request: SessionRequest,
    env: { readonly audit: AuditSink; readonly log: Logger; readonly clock: Clock },
  ) {
    this.#env = env;
    this.#request = request;
    this.#startedAt = env.clock.monotonic();
    this.#since = this.#startedAt;
    const { namespace, pod, exec } = request;
    this.#facts = {
      sessionId: id,
      subject: auditSubject(request.caller, request.remoteAddress, request.userAgent),
      target: { namespace, pod, ...(exec.container === undefined ? {} : { container: exec.container }) },
    };
  }

  /** A sink says by its own means that it fails. One that throws must not reach into the session all the same. */
  #write(event: AuditEvent): void {
    const { audit, log } = this.#env;
    try {
      audit.write(event);
    } catch (error) {
      const { sessionId } = this.#facts;
      log.error({ session: sessionId, event: event.type, error: messageOf(error) }, 'audit record lost');
    }
  }

  started(): void {
    const { type, exec, upgrade } = this.#request;
    this.#write({
      type: 'session.started',
      ...this.#facts,
      sessionType: type,
      command: exec.command,
      tty: exec.streams.tty,
      transport: upgrade.transport,
    });
  }

  decided(decision: Decision): void {
    this.#rules = decision.origins;
    this.#write({
      type: 'session.decided',
      ...this.#facts,
      decision: decision.kind,
      ...(decision.kind === 'record' ? { failMode: decision.failMode } : {}),
      rules: decision.origins,
    });
  }

  /** One recorder, whatever came of it. */
  attempted(attempt: {
    readonly recorder: string;
    readonly protocol?: 'v1' | 'v2';
    readonly startedAt: string;
    readonly durationMs: number;
    readonly failure?: { readonly kind: string; readonly message: string };
  }): void {
    const { failure, ...facts } = attempt;
    const accepted = failure === undefined;
    this.#write({ type: 'recorder.attempted', ...this.#facts, ...facts, accepted, ...failure });
  }

  /** Every step of the session's machine, after whatever is said of the state that it leaves. */
  entered(state: string): void {
    const name = contractName(state);
    if (name === this.#state) return;
    this.#previousState = this.#state;
    this.#state = name;
    this.#since = this.#env.clock.monotonic();
    const stay = this.#stay();
    if (name === 'joined.streaming') this.#write({ type: 'session.streaming', ...this.#facts, ...stay });
    if (name === 'joined.failingOpen') {
      const fromMs = Math.round(this.#since - this.#startedAt);
      this.#write({ type: 'recording.gap', ...this.#facts, ...stay, fromMs });
    }
  }

  callerViolated({ code, message }: Violation): void {
    this.#write({ type: 'caller.violated', ...this.#facts, code, message });
  }

  recordingFailed(failure: RecordingFailure): void {
    this.#write({
      type: 'recording.failed',
      ...this.#facts,
      ...this.#stay(),
      attempts: [],
      ...failure,
      rules: this.#rules,
    });
    this.#env.log.warn({ session: this.#facts.sessionId, ...failure }, 'recording failed');
  }

  recordingResumed(recorder: string, gap: Gap): void {
    this.#write({ type: 'recording.resumed', ...this.#facts, recorder, gap });
  }

  /** Once; whatever comes after the first call is not said. */
  ended(end: SessionEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    const {
      output,
      recorder,
      subprotocol,
      exitCode,
      durationMs,
      streams,
      gaps,
      budget,
      lastAcked,
      recording,
    } = end;
    const kept = {
      ...(recorder === undefined ? {} : { recorder }),
      streams,
      ...(recording === undefined ? {} : { recording }),
    };
    if (output.outcome === 'recorded') this.#write({ type: 'recording.completed', ...this.#facts, ...kept });
    this.#write({
      type: 'session.ended',
      ...this.#facts,
      outcome: output.outcome,
      ...(output.cause === undefined ? {} : { cause: output.cause }),
      ...(this.#previousState === undefined ? {} : { state: this.#lastState() }),
      ...kept,
      ...(subprotocol === undefined ? {} : { subprotocol }),
      ...(exitCode === undefined ? {} : { exitCode }),
      durationMs,
      gaps,
      unrecordedMs: sum(gaps.map(({ fromMs, toMs }) => toMs - fromMs)),
      unrecordedBytes: sum(gaps.map(({ bytes }) => bytes)),
      ...(budget === undefined ? {} : { budget }),
      ...(lastAcked === undefined ? {} : { lastAcked }),
    });
  }

  /** The state that `closed` followed. */
  #lastState(): string {
    return this.#state === 'closed' ? (this.#previousState ?? this.#state) : this.#state;
  }

  #stay() {
    return {
      state: this.#state,
      ...(this.#previousState === undefined ? {} : { previousState: this.#previousState }),
      timeInStateMs: Math.round(this.#env.clock.monotonic() - this.#since),
    };
  }
}

export function auditSubject(
  caller: Caller,
  address: string | undefined,
  userAgent: string | undefined,
): AuditSubject {
  const original = caller.extra?.[ORIGINAL_USER]?.[0];
  return {
    user: caller.user,
    ...(caller.uid === undefined ? {} : { uid: caller.uid }),
    groups: caller.groups,
    source: caller.source,
    ...(caller.device === undefined ? {} : { device: caller.device.node }),
    ...(original === undefined ? {} : { original }),
    ...(address === undefined ? {} : { address }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
