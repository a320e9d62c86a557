import type { AuditLastAcked, AuditRecording } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import type { TerminalSize } from '../kube/remotecommand.ts';
import type { CastSubject } from '../recording/cast.ts';
import type { connectRecorder } from '../recording/connect.ts';
import type { Gap } from '../recording/gap.ts';
import type { LiveCastRoom } from '../recording/live-cast.ts';
import { LiveCast } from '../recording/live-cast.ts';
import type { RecordingLimits } from '../recording/recording.ts';
import { Recording } from '../recording/recording.ts';
import type { StreamTallies } from '../recording/tally.ts';
import { Tally } from '../recording/tally.ts';
import type { CancelTimer } from '../recording/timers.ts';
import { systemTimers } from '../recording/timers.ts';
import type { Upload } from '../recording/upload.ts';
import { RecorderError } from '../recording/upload.ts';

export interface RecordingSlotOptions {
  readonly clock: Clock;
  readonly connectRecorder: typeof connectRecorder;
  readonly limits: Partial<RecordingLimits>;
  readonly liveCastRoom: LiveCastRoom;
  /** The recorder is gone. `mayHandOver`: false when one that had taken over confirmed nothing. */
  readonly lost: (error: RecorderError, mayHandOver: boolean) => void;
  /** The recorder did not confirm the end. */
  readonly unconfirmed: (error: RecorderError) => void;
  /** A recorder took the rest after a gap. */
  readonly resumed: (recorder: string, gap: Gap) => void;
  /** Output that was held back may flow again. */
  readonly drained: () => void;
  /** The recorder has confirmed more; told seldom, and always in the end. */
  readonly acked: () => void;
}

/** What is said of acks survives a crash: soon after the first of them, then no more often than this. */
const FIRST_ACK_MS = 1_000;
const NEXT_ACK_MS = 30_000;

/**
 * The place of a session's recording: empty, held by an upload that a recorder has accepted, written to, or waiting for
 * another recorder. What the command writes is counted in every case.
 */
export class RecordingSlot {
  readonly #options: RecordingSlotOptions;
  readonly #tally = new Tally();
  #upload: Upload | undefined;
  /** Also when it is over: what it knows of the recording holds. */
  #lastUpload: Upload | undefined;
  #recording: Recording | undefined;
  #live: LiveCast | undefined;
  #accepted = false;
  #handedOver = false;
  #gaveUp = false;
  #released = false;
  #cancelAcked: CancelTimer | undefined;
  #ackedSaid = false;

  constructor(options: RecordingSlotOptions) {
    this.#options = options;
  }

  /** Bytes and SHA-256 of what the command wrote, recorded or not. */
  get tallies(): StreamTallies {
    return this.#recording?.summary().streams ?? this.#tally.read();
  }

  /** What spectators see; undefined where nothing is recorded, or not yet, or no longer. */
  get live(): LiveCast | undefined {
    return this.#live;
  }

  /** A recorder has accepted the recording and is there. */
  get isHeld(): boolean {
    return this.#upload !== undefined;
  }

  /** Who has the recording, or had it last. */
  get recorder(): string | undefined {
    return this.#upload?.recorder ?? this.#recording?.recorder;
  }

  get unacked(): { readonly bytes: number; readonly ageMs: number } {
    return this.#recording?.unacked ?? { bytes: 0, ageMs: 0 };
  }

  /** How far the recorder had confirmed its part. Undefined where it says nothing of that. */
  get lastAcked(): AuditLastAcked | undefined {
    const confirmed = this.#recording?.summary().confirmed;
    if (confirmed === undefined) return undefined;
    return { offset: confirmed.offset, time: new Date(confirmed.atMs).toISOString() };
  }

  /** What the recorder should have of the session's last part. */
  get kept(): AuditRecording | undefined {
    const summary = this.#recording?.summary();
    if (summary?.part === undefined) return undefined;
    const { uri } = this.#lastUpload ?? {};
    return { ...summary.part, ...(uri === undefined ? {} : { uri }), complete: summary.complete };
  }

  get gaps(): readonly Gap[] {
    return this.#recording?.summary().gaps ?? [];
  }

  /**
   * One recorder. Resolves with the protocol when it is ours; rejects with a RecorderError. A second one to accept is
   * reset.
   */
  async connect(recorder: string, signal: AbortSignal): Promise<Upload['protocol']> {
    const upload = await this.#options.connectRecorder(recorder, { signal });
    if (this.#upload !== undefined || signal.aborted || this.#released) {
      upload.abort();
      return upload.protocol;
    }
    this.#upload = upload;
    this.#lastUpload = upload;
    this.#handedOver = this.#accepted;
    this.#accepted = true;
    const recording = this.#recording;
    if (recording === undefined) {
      upload.on('failed', this.#onFailed);
      return upload.protocol;
    }
    const gap = recording.moveTo(upload);
    if (gap !== undefined) this.#options.resumed(recorder, gap);
    return upload.protocol;
  }

  /** Begins the cast; without an upload it waits for one, or, where nobody waits any more, begins with a gap. */
  begin(subject: CastSubject, options: { readonly tty: boolean; readonly whenFull: 'pause' | 'fail' }): void {
    const upload = this.#upload;
    upload?.off('failed', this.#onFailed);
    const { clock, limits, drained, liveCastRoom } = this.#options;
    const live = new LiveCast(liveCastRoom);
    this.#live = live;
    const recording = new Recording({
      subject,
      ...options,
      ...(upload === undefined ? { waits: !this.#gaveUp } : { upload }),
      clock,
      limits,
      live,
    });
    recording.on('failed', this.#onFailed);
    recording.on('drain', drained);
    recording.on('acked', this.#onAcked);
    this.#recording = recording;
  }

  /** False: hold the source back until `drained`. */
  output(stream: 'stdout' | 'stderr', bytes: Buffer): boolean {
    if (this.#recording !== undefined) return this.#recording.output(stream, bytes);
    this.#tally.count(stream, bytes);
    return true;
  }

  resize(size: TerminalSize): void {
    this.#recording?.resize(size);
  }

  /** Nobody has taken over: the session goes on unrecorded. */
  giveUp(): void {
    this.#gaveUp = true;
    this.#recording?.giveUp();
  }

  /**
   * Ends the recording and waits for the recorder's last word (`keep`), or resets the upload of a session that came to
   * nothing. False: there is no complete recording.
   */
  async finish(keep: boolean): Promise<boolean> {
    this.#endAcked();
    const recording = this.#recording;
    if (!keep || recording === undefined || this.#upload === undefined) {
      this.release();
      return false;
    }
    try {
      return (await recording.end()).complete;
    } catch (error) {
      if (!(error instanceof RecorderError)) throw error;
      this.#options.unconfirmed(error);
      return false;
    }
  }

  /** Resets what is open, silently. Idempotent. */
  release(): void {
    this.#released = true;
    this.#endAcked();
    this.#upload?.off('failed', this.#onFailed);
    this.#recording?.off('failed', this.#onFailed);
    this.#recording?.off('drain', this.#options.drained);
    this.#recording?.abort();
    this.#upload?.abort();
    this.#live?.end();
    this.#live = undefined;
  }

  readonly #onAcked = (): void => {
    this.#cancelAcked ??= systemTimers.after(this.#ackedSaid ? NEXT_ACK_MS : FIRST_ACK_MS, () => {
      this.#cancelAcked = undefined;
      this.#ackedSaid = true;
      this.#options.acked();
    });
  };

  /** What comes from here on is said by the session's end. */
  #endAcked(): void {
    this.#recording?.off('acked', this.#onAcked);
    this.#cancelAcked?.();
    this.#cancelAcked = undefined;
  }

  readonly #onFailed = (failure: RecorderError): void => {
    // Accepted, and lost before it had a line: the cast's header is the first.
    const unbegun = this.#recording?.begun !== true && failure.phase !== 'store';
    const error = unbegun ? failure.inPhase('header') : failure;
    const mayHandOver = !this.#handedOver || this.#recording?.confirmed === true;
    this.#upload?.abort();
    this.#upload = undefined;
    this.#options.lost(error, mayHandOver);
  };
}
