import type { Duplex } from 'node:stream';
import type { Cause, Finished, SessionDecision, SessionEvent } from '../../machines/session.ts';
import type { AuditSink, AuditSubject, AuditTarget } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import { isErrorCode, messageOf, WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import type { ExecOptions } from '../kube/exec-options.ts';
import type { SessionProtocol } from '../kube/remotecommand.ts';
import { statusOf } from '../kube/status.ts';
import type { Upgrade } from '../kube/upgrade.ts';
import type { Logger } from '../log.ts';
import type { Caller } from '../policy/caller.ts';
import type { Decision } from '../policy/decide.ts';
import { decideSession } from '../policy/decide.ts';
import type { connectRecorder } from '../recording/connect.ts';
import type { RecordingLimits } from '../recording/recording.ts';
import { Recording } from '../recording/recording.ts';
import type { StreamTallies } from '../recording/tally.ts';
import { Tally } from '../recording/tally.ts';
import type { RecorderError, Upload } from '../recording/upload.ts';
import { answerErrorOnSocket } from '../relay/answer.ts';
import { EarlyBytes } from '../relay/early-bytes.ts';
import { Relay } from '../relay/relay.ts';
import type { Upstream } from '../upstream/target.ts';
import type { WireCodec } from '../wire/codec.ts';
import { createCodec } from '../wire/create-codec.ts';
import { ResizeReader } from '../wire/resize.ts';
import { castSubject } from './cast-subject.ts';
import { ExitStatus, speaksStatus } from './exit-status.ts';
import { sayGoodbye, writeAll } from './goodbye.ts';
import { joinUpstream } from './join.ts';

/** What was asked for: read from the request and checked before a session exists. */
export interface SessionRequest {
  readonly type: 'exec' | 'attach';
  readonly method: string;
  /** Canonical path, without the query. */
  readonly path: string;
  readonly namespace: string;
  readonly pod: string;
  readonly exec: ExecOptions;
  readonly upgrade: Upgrade;
  readonly rawHeaders: RawHeaders;
  readonly remoteAddress: string | undefined;
  readonly userAgent: string | undefined;
  readonly caller: Caller;
}

/** What every session of a process shares. */
export interface SessionEnvironment {
  readonly cluster: string;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: AuditSink;
  readonly connectRecorder: typeof connectRecorder;
  readonly recordingLimits: Partial<RecordingLimits>;
  /** How long the API server may take to answer an upgrade. Milliseconds. */
  readonly dialLimitMs: number;
}

/**
 * The handle of one session: owns its sockets, its upload and its recording, and does what the machine's actors ask
 * for. It tells the machine facts by `send`; it never decides what follows from them.
 */
export class Session {
  readonly id: string;
  readonly request: SessionRequest;
  readonly startedAtMs: number;
  readonly #env: SessionEnvironment;
  readonly #client: Duplex;
  readonly #early: EarlyBytes;
  readonly #exit = new ExitStatus();
  readonly #tally = new Tally();
  readonly #resizes = new ResizeReader();
  #send: (event: SessionEvent) => void = () => {};
  #decision: Decision | undefined;
  #upload: Upload | undefined;
  #recording: Recording | undefined;
  #recordingFailed = false;
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
    socket.client.on('error', this.#onClientError);
    this.#early = new EarlyBytes(socket.client, socket.head, () =>
      this.#send({ type: 'client.left', orderly: false }),
    );
  }

  /** From here on the machine hears what happens. */
  bind(send: (event: SessionEvent) => void): void {
    this.#send = send;
  }

  get protocol(): SessionProtocol | undefined {
    return this.#protocol;
  }

  get decision(): Decision | undefined {
    return this.#decision;
  }

  get exitCode(): number | undefined {
    return this.#protocol === undefined ? undefined : this.#exit.exitCode(this.#protocol);
  }

  /** Bytes and SHA-256 of what the command wrote, recorded or not. */
  get tallies(): StreamTallies {
    return this.#recording?.summary().streams ?? this.#tally.read();
  }

  get subject(): AuditSubject {
    const { caller, remoteAddress, userAgent } = this.request;
    return {
      user: caller.user,
      groups: caller.groups,
      source: caller.source,
      ...(remoteAddress === undefined ? {} : { address: remoteAddress }),
      ...(userAgent === undefined ? {} : { userAgent }),
    };
  }

  get target(): AuditTarget {
    const { namespace, pod, exec } = this.request;
    return { namespace, pod, ...(exec.container === undefined ? {} : { container: exec.container }) };
  }

  // What the actors do, in the order of a session's life.

  decide(): SessionDecision {
    const decision = decideSession(this.request.caller.rules);
    this.#decision = decision;
    this.#env.audit.write({
      type: 'session.decided',
      ...this.#facts(),
      decision: decision.kind,
      ...(decision.kind === 'record' ? { failMode: decision.failMode } : {}),
      rules: decision.origins,
    });
    if (decision.kind === 'refuse') {
      return { kind: 'refuse', cause: { code: decision.code, message: decision.message } };
    }
    return decision;
  }

  /** One recorder. Resolves when it is ours; rejects with a RecorderError. A second one to accept is reset. */
  async tryRecorder(recorder: string, signal: AbortSignal): Promise<void> {
    const upload = await this.#env.connectRecorder(recorder, { signal });
    if (this.#upload !== undefined || signal.aborted) {
      upload.abort();
      return;
    }
    this.#upload = upload;
    upload.on('failed', this.#onRecorderFailed);
  }

  /** Dials upstream and streams until an edge is told. `signal`: the machine has left `joined`. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      const joined = await joinUpstream(this.request, this.id, this.#client, this.#env, signal);
      if (joined.kind === 'answered') {
        this.#send({ type: 'upstream.refused', cause: joined.cause });
        return;
      }
      if (signal.aborted) {
        joined.socket.destroy();
        return;
      }
      this.#stream(joined.socket, joined.protocol, joined.head, joined.answer);
    } catch (error) {
      if (signal.aborted) return;
      this.#send({ type: 'upstream.failed', cause: this.#causeOf(error) });
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
    const error = new WitnessError(code, `${cause.message} (session ${this.id})`);
    if (this.#codec === undefined) {
      await answerErrorOnSocket(this.#client, error);
      return;
    }
    const status = statusOf(error);
    const { kind: _kind, apiVersion: _apiVersion, ...channelStatus } = status;
    await writeAll(
      this.#client,
      this.#codec.ending({ statusJson: JSON.stringify(channelStatus), text: status.message }),
    );
  }

  /** Closes what is open and waits for the recorder's last word. */
  async finish(keepRecording: boolean): Promise<Finished> {
    this.#early.release();
    this.#relay?.stop();
    this.#upstream?.destroy();
    const goodbye = sayGoodbye(this.#client);
    const recordingComplete = await this.#finishRecording(keepRecording);
    await goodbye;
    return { recordingComplete };
  }

  /** Lets go of everything at once; for a session whose machine has ended. Idempotent. */
  release(): void {
    this.#early.release();
    this.#relay?.stop();
    this.#upload?.abort();
    this.#upstream?.destroy();
    this.#client.destroy();
  }

  async #finishRecording(keep: boolean): Promise<boolean> {
    const upload = this.#upload;
    if (upload === undefined || this.#recordingFailed) return false;
    upload.off('failed', this.#onRecorderFailed);
    const recording = this.#recording;
    if (!keep || recording === undefined) {
      upload.abort();
      return true;
    }
    recording.off('failed', this.#onRecorderFailed);
    try {
      await recording.end();
      return true;
    } catch (error) {
      this.#recordingFailed = true;
      this.auditFailure({
        phase: 'finalise',
        kind: 'timeout',
        message: messageOf(error),
        ...(isRecorderError(error) ? { kind: error.kind, recorder: error.recorder } : {}),
        action: 'none',
      });
      return false;
    }
  }

  #stream(
    upstream: Duplex,
    protocol: SessionProtocol,
    head: Buffer,
    answer: { readonly raw: RawHeaders; readonly bytes: Buffer },
  ): void {
    this.#upstream = upstream;
    this.#protocol = protocol;
    if (this.#upload !== undefined && !this.#recordingFailed) this.#startRecording(this.#upload, protocol);
    const codec = createCodec(protocol, {
      asked: this.request.exec.streams,
      clientSink: { payload: (_stream, bytes) => this.#onResize(bytes) },
      upstreamSink: { payload: (stream, bytes) => this.#onOutput(stream, bytes) },
    });
    this.#codec = codec;
    const relay = new Relay({
      client: this.#client,
      upstream,
      codec,
      events: {
        callerViolated: violation => {
          const cause = {
            code: 'KW_PROTOCOL_VIOLATION',
            message: `${violation.message} [${violation.code}]`,
          };
          this.#env.audit.write({
            type: 'caller.violated',
            ...this.#facts(),
            code: violation.code,
            message: violation.message,
          });
          this.#send({ type: 'caller.violated', cause });
        },
        upstreamViolated: violation =>
          this.#send({
            type: 'upstream.failed',
            cause: { code: 'KW_UPSTREAM_PROTOCOL', message: `${violation.message} [${violation.code}]` },
          }),
        upstreamEnded: ({ cut }) =>
          this.#send({ type: 'upstream.ended', orderly: this.#commandEnded(codec, cut) }),
        clientLeft: () => this.#send({ type: 'client.left', orderly: codec.upstreamStatusSeen }),
      },
    });
    this.#relay = relay;
    this.#client.write(answer.bytes);
    this.#send({ type: 'upstream.joined' });
    relay.start({ client: this.#early.take(), upstream: head.length > 0 ? [head] : [] });
  }

  /** Protocols that end with a Status are cut when it is missing; the older ones end with the connection. */
  #commandEnded(codec: WireCodec, cut: boolean): boolean {
    if (codec.upstreamStatusSeen) return true;
    return !cut && this.#protocol !== undefined && !speaksStatus(this.#protocol);
  }

  #startRecording(upload: Upload, protocol: SessionProtocol): void {
    upload.off('failed', this.#onRecorderFailed);
    const recording = new Recording({
      subject: castSubject(this.id, this.request, protocol, this.#env.cluster),
      tty: this.request.exec.streams.tty,
      upload,
      clock: this.#env.clock,
      whenFull: this.#failsOpen ? 'fail' : 'pause',
      limits: this.#env.recordingLimits,
    });
    recording.on('failed', this.#onRecorderFailed);
    recording.on('drain', () => this.#relay?.releaseOutput());
    this.#recording = recording;
  }

  get #failsOpen(): boolean {
    return this.#decision?.kind === 'record' && this.#decision.failMode === 'open';
  }

  #onOutput(stream: string, bytes: Buffer): void {
    if (stream === 'error') {
      this.#exit.push(bytes);
      return;
    }
    if (stream !== 'stdout' && stream !== 'stderr') return;
    if (this.#recording === undefined) this.#tally.count(stream, bytes);
    else if (!this.#recording.output(stream, bytes)) this.#relay?.holdOutput();
  }

  #onResize(bytes: Buffer): void {
    for (const size of this.#resizes.push(bytes)) this.#recording?.resize(size);
  }

  readonly #onRecorderFailed = (error: RecorderError): void => {
    if (this.#recordingFailed) return;
    this.#recordingFailed = true;
    const action = this.#failsOpen
      ? 'continuedUnrecorded'
      : this.#codec === undefined
        ? 'denied'
        : 'terminated';
    this.auditFailure({
      phase: error.phase,
      kind: error.kind,
      recorder: error.recorder,
      message: error.message,
      action,
    });
    this.#upload?.abort();
    this.#send({
      type: 'recorder.failed',
      cause: {
        code: 'KW_RECORDER_LOST',
        message: 'the recorder was lost, and your rules do not allow a session without one',
      },
    });
    this.#relay?.releaseOutput();
  };

  /** The one place that says a recording failed. */
  auditFailure(failure: {
    readonly phase: string;
    readonly kind: string;
    readonly recorder?: string;
    readonly message: string;
    readonly action: 'denied' | 'terminated' | 'continuedUnrecorded' | 'none';
    readonly attempts?: readonly {
      readonly recorder: string;
      readonly kind: string;
      readonly message: string;
      readonly durationMs: number;
    }[];
  }): void {
    const failMode = this.#failsOpen ? 'open' : 'closed';
    this.#env.audit.write({
      type: 'recording.failed',
      ...this.#facts(),
      ...failure,
      failMode,
      attempts: failure.attempts ?? [],
    });
    this.#env.log.warn({ session: this.id, failMode, ...failure }, 'recording failed');
  }

  #facts(): { sessionId: string; subject: AuditSubject; target: AuditTarget } {
    return { sessionId: this.id, subject: this.subject, target: this.target };
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

function isRecorderError(error: unknown): error is RecorderError {
  return error instanceof Error && error.name === 'RecorderError';
}
