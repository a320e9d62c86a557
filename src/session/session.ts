import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Cause, Finished, SessionDecision, SessionEvent } from '../../machines/session.ts';
import { RECORDER_LOST } from '../../machines/session.ts';
import type { AuditAttempt, AuditLastAcked, AuditRecording, AuditSink } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import { isErrorCode, messageOf, WitnessError } from '../errors.ts';
import { podPlace } from '../kube/place.ts';
import type { SessionProtocol } from '../kube/remotecommand.ts';
import { statusOf } from '../kube/status.ts';
import type { Logger } from '../log.ts';
import type { Decision, FailOpenBudget } from '../policy/decide.ts';
import { decideSession } from '../policy/decide.ts';
import type { connectRecorder } from '../recording/connect.ts';
import type { Gap } from '../recording/gap.ts';
import type { LiveCast, LiveCastRoom } from '../recording/live-cast.ts';
import type { RecorderHealth } from '../recording/recorder-health.ts';
import type { RecordingLimits } from '../recording/recording.ts';
import type { StreamTallies } from '../recording/tally.ts';
import { RecorderError } from '../recording/upload.ts';
import { answerAsItCame, answerErrorOnSocket } from '../relay/answer.ts';
import { EarlyBytes } from '../relay/early-bytes.ts';
import { sayGoodbye, writeAll } from '../relay/goodbye.ts';
import { Relay } from '../relay/relay.ts';
import type { Upstream } from '../upstream/target.ts';
import type { Violation, WireCodec } from '../wire/codec.ts';
import { createCodec } from '../wire/create-codec.ts';
import { ResizeReader } from '../wire/resize.ts';
import type { SessionLimits } from './actors.ts';
import type { RecordingFailure } from './audit.ts';
import { SessionAudit } from './audit.ts';
import { castSubject } from './cast-subject.ts';
import { ExitStatus, speaksStatus } from './exit-status.ts';
import type { FailOpenLedger, SpentBudget } from './fail-open-ledger.ts';
import { spentInWords } from './fail-open-ledger.ts';
import { joinUpstream } from './join.ts';
import { RecordingSlot } from './recording-slot.ts';
import type { SessionRequest } from './request.ts';

const BUDGET_SPENT: Cause = {
  code: 'KW_FAIL_OPEN_BUDGET',
  message: 'the session went on unrecorded until what your rules let go on so was used up',
};

const NO_AUDIT: Cause = {
  code: 'KW_AUDIT_UNAVAILABLE',
  message: 'the audit cannot be written, and no session may begin without it',
};

/** What a reload of the configuration can change. A session keeps those of its beginning. */
export interface SessionSettings {
  readonly connectRecorder: typeof connectRecorder;
  readonly recordingLimits: Partial<RecordingLimits>;
  readonly limits: SessionLimits;
}

/** What every session of a process shares, and its settings. */
export interface SessionEnvironment extends SessionSettings {
  readonly cluster: string;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: AuditSink;
  /** Whether the audit's policy lets a session begin now. */
  readonly mayStartSession: () => boolean;
  /**
   * Resolves when the audit has all that was written here, as durable as it should be, or cannot have it: that
   * `mayStartSession` knows. False: whoever keeps it did not say so in time. Undefined: what was written is kept when
   * `write` returns.
   */
  readonly audited?: () => Promise<boolean>;
  readonly health: Pick<RecorderHealth, 'order' | 'failed' | 'accepted'>;
  readonly failOpen: Pick<FailOpenLedger, 'spent' | 'open'>;
  /** What may be kept for spectators. */
  readonly liveCastRoom: LiveCastRoom;
  /** How long the API server may take to answer an upgrade. Milliseconds. */
  readonly dialLimitMs: number;
}

/**
 * The handle of one session: owns its sockets and its recording, and does what the machine's actors ask for. It tells
 * the machine facts by `send`; it never decides what follows from them.
 */
export class Session {
  readonly id: string;
  readonly request: SessionRequest;
  readonly startedAtMs: number;
  readonly audit: SessionAudit;
  readonly #env: SessionEnvironment;
  readonly #client: Duplex;
  readonly #early: EarlyBytes;
  readonly #recording: RecordingSlot;
  readonly #exit = new ExitStatus();
  readonly #resizes = new ResizeReader();
  #send: (event: SessionEvent) => void = () => {};
  readonly #attempts: AuditAttempt[] = [];
  #lost: { readonly error: RecorderError; readonly lastAcked: AuditLastAcked | undefined } | undefined;
  #decision: Decision | undefined;
  #spent: SpentBudget | undefined;
  #upstream: Duplex | undefined;
  #relay: Relay | undefined;
  #codec: WireCodec | undefined;
  #protocol: SessionProtocol | undefined;

  constructor(
    id: string,
    request: SessionRequest,
    socket: { readonly client: Duplex; readonly head: Buffer },
    env: SessionEnvironment,
  ) {
    this.id = id;
    this.request = request;
    this.#env = env;
    this.#client = socket.client;
    this.startedAtMs = env.clock.now();
    this.audit = new SessionAudit(id, request, env);
    socket.client.on('error', this.#onClientError);
    this.#early = new EarlyBytes(socket.client, socket.head, () =>
      this.#send({ type: 'client.left', orderly: false }),
    );
    this.#recording = new RecordingSlot({
      clock: env.clock,
      connectRecorder: env.connectRecorder,
      limits: env.recordingLimits,
      liveCastRoom: env.liveCastRoom,
      lost: (error, mayHandOver) => this.#onRecorderLost(error, mayHandOver),
      unconfirmed: error => this.#auditFailure(error, 'none', this.#recording.lastAcked),
      resumed: (recorder, gap) => this.audit.recordingResumed(recorder, gap),
      drained: () => this.#relay?.releaseOutput(),
      acked: () => this.audit.acknowledged(this.#recording.recorder, this.#recording.lastAcked),
    });
  }

  /** From here on the machine hears what happens. */
  bind(send: (event: SessionEvent) => void): void {
    this.#send = send;
  }

  get limits(): SessionLimits {
    return this.#env.limits;
  }

  get protocol(): SessionProtocol | undefined {
    return this.#protocol;
  }

  /** The client has its 101. */
  get joined(): boolean {
    return this.#codec !== undefined;
  }

  get decision(): Decision | undefined {
    return this.#decision;
  }

  get exitCode(): number | undefined {
    return this.#protocol === undefined ? undefined : this.#exit.exitCode(this.#protocol);
  }

  get tallies(): StreamTallies {
    return this.#recording.tallies;
  }

  get live(): LiveCast | undefined {
    return this.#recording.live;
  }

  get unacked(): { readonly bytes: number; readonly ageMs: number } {
    return this.#recording.unacked;
  }

  /** Who has the recording, or had it last. */
  get recorder(): string | undefined {
    return this.#recording.recorder;
  }

  /** What of the recording there is, and how far the recorder had confirmed it. */
  get kept(): { readonly recording?: AuditRecording; readonly lastAcked?: AuditLastAcked } {
    const { kept: recording, lastAcked } = this.#recording;
    return {
      ...(recording === undefined ? {} : { recording }),
      ...(lastAcked === undefined ? {} : { lastAcked }),
    };
  }

  get gaps(): readonly Gap[] {
    return this.#recording.gaps;
  }

  /** In the order to be tried now: those that failed lately come last. */
  get recorders(): readonly string[] {
    return this.#decision?.kind === 'record' ? this.#env.health.order(this.#decision.recorders) : [];
  }

  get failsOpen(): boolean {
    return this.#decision?.kind === 'record' && this.#decision.failMode === 'open';
  }

  /** The budget that ended the session, or kept it from failing open. */
  get spentBudget(): SpentBudget | undefined {
    return this.#spent;
  }

  // What the actors do, in the order of a session's life.

  decide(): SessionDecision | Promise<SessionDecision> {
    const { caller, namespace, pod } = this.request;
    const decision = decideSession(caller.rules, podPlace(namespace, pod));
    this.#decision = decision;
    this.audit.decided(decision);
    const { audited } = this.#env;
    return audited === undefined
      ? this.#onceAudited(decision)
      : audited().then(kept => (kept ? this.#onceAudited(decision) : { kind: 'refuse', cause: NO_AUDIT }));
  }

  #onceAudited(decision: Decision): SessionDecision {
    if (decision.kind === 'record' && decision.failMode === 'closed' && !this.#env.mayStartSession()) {
      return { kind: 'refuse', cause: NO_AUDIT };
    }
    if (decision.kind === 'refuse') {
      this.audit.recordingFailed({
        phase: 'deciding',
        kind: 'refused',
        message: decision.message,
        failMode: 'closed',
        action: 'denied',
      });
      return { kind: 'refuse', cause: { code: decision.code, message: decision.message } };
    }
    return decision.kind === 'pass' ? decision : { ...decision, recorders: this.recorders };
  }

  /** One recorder. Resolves when it is ours; rejects with a RecorderError, and keeps a record of the attempt. */
  async tryRecorder(recorder: string, signal: AbortSignal): Promise<void> {
    const { clock, health } = this.#env;
    const startedAt = new Date(clock.now()).toISOString();
    const began = clock.monotonic();
    const facts = () => ({ recorder, startedAt, durationMs: Math.round(clock.monotonic() - began) });
    try {
      const protocol = await this.#recording.connect(recorder, signal);
      // One that failed in the same breath has not accepted; the machine, which waits for that word, must not hear it.
      if (!this.#recording.isHeld) throw this.#takeLost()?.error ?? new Error('the upload was called off');
      health.accepted(recorder);
      this.audit.attempted({ ...facts(), protocol });
    } catch (error) {
      if (!signal.aborted) {
        health.failed(recorder);
        const { kind, protocol } = error instanceof RecorderError ? error : { kind: 'protocol' };
        const attempt = { ...facts(), ...(protocol === undefined ? {} : { protocol }) };
        const failure = { kind, message: messageOf(error) };
        this.#attempts.push({ ...attempt, ...failure });
        this.audit.attempted({ ...attempt, failure });
      }
      throw error;
    }
  }

  /** Whether a session that would fail open has no budget to do so now. */
  mayNotFailOpen(): boolean {
    this.#spent = this.#env.failOpen.spent(this.#budgets);
    return this.#spent !== undefined;
  }

  /** Spends the budgets until the function returned is called. */
  countUnrecorded(): () => void {
    return this.#env.failOpen.open(this.#budgets, spent => {
      this.#spent = spent;
      this.#send({ type: 'budget.spent', cause: BUDGET_SPENT });
    });
  }

  /** Nobody has taken over: output flows on, unrecorded. */
  goOnUnrecorded(): void {
    this.#recording.giveUp();
  }

  /** What came of a recorder that was lost, or of a list in which none accepted: said once per failure. */
  auditRecorders(action: RecordingFailure['action']): void {
    const lost = this.#takeLost();
    const attempts = this.#attempts.splice(0);
    if (lost !== undefined) {
      this.#auditFailure(lost.error, action, lost.lastAcked, attempts);
      return;
    }
    const [recorder, ...others] = new Set(attempts.map(attempt => attempt.recorder));
    this.audit.recordingFailed({
      phase: 'connect',
      ...(recorder === undefined || others.length > 0 ? {} : { recorder }),
      kind: attempts.at(-1)?.kind ?? 'timeout',
      message: 'no recorder accepted the recording',
      ...this.#policy,
      action,
      attempts,
    });
  }

  #takeLost() {
    const lost = this.#lost;
    this.#lost = undefined;
    return lost;
  }

  /** Dials upstream and streams until an edge is told. `signal`: the machine has left `joined`. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      const joined = await joinUpstream(
        this.request,
        this.id,
        { ...this.#env, isRecorded: () => this.#recording.isHeld },
        signal,
      );
      if (joined.kind === 'answered') await this.#passRefusal(joined.response);
      else if (signal.aborted) joined.socket.destroy();
      else this.#stream(joined.socket, joined.protocol, joined.head, joined.answer);
    } catch (error) {
      if (!signal.aborted) this.#send({ type: 'upstream.failed', cause: this.#causeOf(error) });
    }
  }

  stopRelay(): void {
    this.#relay?.stop();
  }

  /** Ends the session visibly: a Status before the 101, a Status on the error stream and a close after it. */
  async refuse(cause: Cause): Promise<void> {
    this.#early.release();
    this.#upstream?.destroy();
    const code = isErrorCode(cause.code) ? cause.code : 'KW_INTERNAL';
    const why = this.#spent === undefined ? cause.message : `${cause.message}: ${spentInWords(this.#spent)}`;
    const error = new WitnessError(code, `${why} (session ${this.id})`);
    if (this.#codec === undefined) {
      await answerErrorOnSocket(this.#client, error);
      return;
    }
    const { kind: _kind, apiVersion: _apiVersion, ...status } = statusOf(error);
    await writeAll(
      this.#client,
      this.#codec.ending({ statusJson: JSON.stringify(status), text: status.message }),
    );
  }

  /** Closes what is open and waits for the recorder's last word. */
  async finish(keepRecording: boolean): Promise<Finished> {
    this.#early.release();
    this.#relay?.stop();
    this.#upstream?.destroy();
    const [recordingComplete] = await Promise.all([
      this.#recording.finish(keepRecording),
      sayGoodbye(this.#client),
    ]);
    // Lost when nobody could take over any more: nothing followed from it.
    if (this.#lost !== undefined) this.auditRecorders('none');
    return { recordingComplete };
  }

  /** Lets go of everything at once; for a session whose machine has ended. Idempotent. */
  release(): void {
    this.#early.release();
    this.#relay?.stop();
    this.#recording.release();
    this.#upstream?.destroy();
    this.#client.destroy();
  }

  /** The answer ends the connection, so that the client goes is from here on no news. */
  async #passRefusal(response: IncomingMessage): Promise<void> {
    this.#early.release();
    await answerAsItCame(this.#client, response);
    const message = `the API server answered ${response.statusCode ?? 'nothing'}`;
    this.#send({ type: 'upstream.refused', cause: { code: 'upstream.refused', message } });
  }

  #stream(upstream: Duplex, protocol: SessionProtocol, head: Buffer, answer: Buffer): void {
    this.#upstream = upstream;
    this.#protocol = protocol;
    const { streams } = this.request.exec;
    if (this.#decision?.kind === 'record') {
      this.#recording.begin(castSubject(this.id, this.request, protocol, this.#env.cluster), {
        tty: streams.tty,
        whenFull: this.failsOpen ? 'fail' : 'pause',
      });
    }
    const codec = createCodec(protocol, {
      asked: streams,
      clientSink: { payload: (_stream, bytes) => this.#onResize(bytes) },
      upstreamSink: { payload: (stream, bytes) => this.#onOutput(stream, bytes) },
    });
    this.#codec = codec;
    this.#relay = new Relay({
      client: this.#client,
      upstream,
      codec,
      events: {
        callerViolated: violation => this.#onCallerViolated(violation),
        upstreamViolated: violation =>
          this.#send({
            type: 'upstream.failed',
            cause: { code: 'KW_UPSTREAM_PROTOCOL', message: `${violation.message} [${violation.code}]` },
          }),
        upstreamEnded: ({ cut }) =>
          this.#send({ type: 'upstream.ended', orderly: hasEnded(codec, protocol, cut) }),
        clientLeft: () => this.#send({ type: 'client.left', orderly: codec.upstreamStatusSeen }),
      },
    });
    this.#client.write(answer);
    this.#send({ type: 'upstream.joined' });
    this.#relay.start({ client: this.#early.take(), upstream: head.length > 0 ? [head] : [] });
  }

  #onOutput(stream: string, bytes: Buffer): void {
    if (stream === 'error') this.#exit.push(bytes);
    else if ((stream === 'stdout' || stream === 'stderr') && !this.#recording.output(stream, bytes)) {
      this.#relay?.holdOutput();
    }
  }

  #onResize(bytes: Buffer): void {
    for (const size of this.#resizes.push(bytes)) this.#recording.resize(size);
  }

  #onCallerViolated(violation: Violation): void {
    this.audit.callerViolated(violation);
    this.#send({
      type: 'caller.violated',
      cause: { code: 'KW_PROTOCOL_VIOLATION', message: `${violation.message} [${violation.code}]` },
    });
  }

  #onRecorderLost(error: RecorderError, mayHandOver: boolean): void {
    this.#lost = { error, lastAcked: this.#recording.lastAcked };
    this.#env.health.failed(error.recorder);
    this.#env.log.warn({ session: this.id, recorder: error.recorder, error: error.message }, 'recorder lost');
    if (mayHandOver) this.#send({ type: 'recorder.lost' });
    else this.#send({ type: 'recorder.failed', cause: RECORDER_LOST });
  }

  #auditFailure(
    { phase, kind, recorder, message }: RecorderError,
    action: RecordingFailure['action'],
    lastAcked: AuditLastAcked | undefined,
    attempts: readonly AuditAttempt[] = [],
  ): void {
    this.audit.recordingFailed({
      phase,
      kind,
      recorder,
      message,
      ...this.#policy,
      action,
      attempts,
      ...(lastAcked === undefined ? {} : { lastAcked }),
    });
  }

  /** The fail mode as it holds now: without budget, open is closed. */
  get #policy(): { readonly failMode: 'open' | 'closed'; readonly budget?: SpentBudget } {
    if (this.#spent !== undefined) return { failMode: 'closed', budget: this.#spent };
    return { failMode: this.failsOpen ? 'open' : 'closed' };
  }

  get #budgets(): readonly FailOpenBudget[] {
    return this.#decision?.kind === 'record' ? (this.#decision.budgets ?? []) : [];
  }

  #causeOf(error: unknown): Cause {
    if (error instanceof WitnessError) return { code: error.code, message: error.message };
    this.#env.log.error({ session: this.id, error: messageOf(error) }, 'session failed');
    return { code: 'KW_INTERNAL', message: 'the proxy met an internal error' };
  }

  /** A reset is told by 'close' too, which the relay and the early reader hear. */
  readonly #onClientError = (error: Error): void => {
    this.#env.log.debug({ session: this.id, error: error.message }, 'client socket failed');
  };
}

/** Protocols that end with a Status are cut when it is missing; the older ones end with the connection. */
function hasEnded(codec: WireCodec, protocol: SessionProtocol, cut: boolean): boolean {
  return codec.upstreamStatusSeen || (!cut && !speaksStatus(protocol));
}
