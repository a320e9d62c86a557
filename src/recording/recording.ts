import { StringDecoder } from 'node:string_decoder';
import { EventEmitter } from 'eventemitter3';
import type { Clock } from '../clock.ts';
import type { TerminalSize } from '../kube/remotecommand.ts';
import type { CastSubject } from './cast.ts';
import { DEFAULT_SIZE } from './cast.ts';
import { CastWriter } from './cast-writer.ts';
import type { Gap } from './gap.ts';
import { gapBetween } from './gap.ts';
import type { LiveCast } from './live-cast.ts';
import type { RecordingLimits } from './recording-limits.ts';
import { DEFAULT_RECORDING_LIMITS } from './recording-limits.ts';
import { ResizePacer } from './resize-pacer.ts';
import type { TailMark } from './tail.ts';
import { Tail } from './tail.ts';
import type { OutputStream, StreamTallies } from './tally.ts';
import { Tally } from './tally.ts';
import type { CancelTimer, Timers } from './timers.ts';
import { Deadline, systemTimers } from './timers.ts';
import type { RecorderFailureKind, RecorderPhase, Upload } from './upload.ts';
import { RecorderError } from './upload.ts';

export type { RecordingLimits } from './recording-limits.ts';

export interface RecordingOptions {
  readonly subject: CastSubject;
  /** A terminal's size is still to come; without one the header is written at once. */
  readonly tty: boolean;
  /** None: the recording begins with a gap, and waits for `moveTo`. */
  readonly upload?: Upload;
  readonly clock: Clock;
  readonly timers?: Timers;
  /** Past the bound of unacknowledged bytes: hold the source back, or give the recorder up. */
  readonly whenFull: 'pause' | 'fail';
  readonly limits?: Partial<RecordingLimits>;
  /** Hears every line as it is written. */
  readonly live?: Pick<LiveCast, 'header' | 'event'>;
}

export interface RecordingSummary {
  readonly recorder: string;
  readonly castBytes: number;
  readonly events: number;
  readonly streams: StreamTallies;
  readonly gaps: readonly Gap[];
  /** The recorders have confirmed the whole cast. */
  readonly complete: boolean;
}

/**
 * `open`: an upload takes what is recorded. `lost`: there is none, what comes is kept, and the source is to wait.
 * `gone`: nobody waits any more, what comes is counted as a gap.
 */
type State = 'open' | 'lost' | 'gone' | 'ending' | 'complete' | 'failed' | 'aborted';

/** An upload without acks says nothing of what the recorder has: this much is kept in case of a hand-over. Bytes. */
const KEPT_WITHOUT_ACKS = 1024 * 1024;

/**
 * One session's cast on its way to a recorder, and from a lost recorder to another. `drain`: held-back output may flow
 * again. `failed`: the recorder is lost; then `moveTo` another, or `giveUp`. Not told by `end`, which rejects instead.
 */
export class Recording extends EventEmitter<{ drain: []; failed: [RecorderError] }> {
  readonly #clock: Clock;
  readonly #limits: RecordingLimits;
  readonly #whenFull: 'pause' | 'fail';
  readonly #startedAt: number;
  readonly #cast: CastWriter;
  readonly #pacer: ResizePacer;
  readonly #ackDeadline: Deadline;
  readonly #cancelHeaderWait: CancelTimer;
  readonly #tally = new Tally();
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  readonly #tail = new Tail();
  readonly #gaps: Gap[] = [];
  #upload: Upload | undefined;
  #state: State;
  /** Where the gap that goes on began. */
  #gapStart: TailMark | undefined;
  #sentBytes = 0;
  #written = 0;
  #failure: RecorderError | undefined;
  #end: Promise<RecordingSummary> | undefined;
  #headerWaitedBytes = 0;
  #paused = false;

  constructor(options: RecordingOptions) {
    super();
    const { upload, clock, timers = systemTimers, live } = options;
    this.#clock = clock;
    this.#limits = { ...DEFAULT_RECORDING_LIMITS, ...options.limits };
    this.#whenFull = options.whenFull;
    this.#startedAt = clock.monotonic();
    this.#ackDeadline = new Deadline(timers, this.#limits.maxUnackedMs, this.#onAckLate);
    this.#cast = new CastWriter({
      subject: options.subject,
      timestampSeconds: clock.now() / 1000,
      maxLineBytes: this.#limits.maxLineBytes,
      write: line => {
        live?.event(line);
        this.#onLine(line);
      },
      writeHeader: line => {
        live?.header(line);
        this.#onLine(line);
      },
    });
    this.#pacer = new ResizePacer({
      maxPerSecond: this.#limits.maxResizesPerSecond,
      clock,
      timers,
      write: size => this.#cast.resize(this.#seconds(), size),
    });
    this.#state = 'gone';
    if (upload === undefined) this.#gapStart = { seconds: 0, written: 0 };
    else this.#take(upload);
    this.#cancelHeaderWait = options.tty
      ? timers.after(this.#limits.headerWaitMs, () => this.#cast.begin(DEFAULT_SIZE))
      : () => {};
    if (!options.tty) this.#cast.begin(DEFAULT_SIZE);
  }

  /** Whether the recorder that has it now has confirmed anything yet. */
  get confirmed(): boolean {
    return this.#upload !== undefined && this.#upload.unackedBytes < this.#sentBytes;
  }

  /** Records what the command wrote. False: hold the source back until `drain`. */
  output(stream: OutputStream, bytes: Buffer): boolean {
    this.#tally.count(stream, bytes);
    const text = this.#decoders[stream].write(bytes);
    if (this.#state === 'open' || this.#state === 'lost') this.#cast.output(this.#seconds(), text);
    this.#written += bytes.length;
    if (this.#state !== 'open' && this.#state !== 'lost') return true;
    if (!this.#cast.begun) {
      this.#headerWaitedBytes += bytes.length;
      if (this.#headerWaitedBytes >= this.#limits.headerWaitBytes) this.#begin(DEFAULT_SIZE);
    }
    return this.#hasRoom();
  }

  resize(size: TerminalSize): void {
    if (this.#state === 'gone' && this.#cast.begun) this.#cast.noteSize(size);
    else if (this.#state !== 'open' && this.#state !== 'lost' && this.#state !== 'gone') return;
    else if (this.#cast.begun) this.#pacer.offer(size);
    else this.#begin(size);
  }

  /**
   * Goes on at another recorder: a new part, linked to the one before, with what that one had not confirmed; after
   * `giveUp`, with a marker of what is missing. Returns the gap that this closes.
   */
  moveTo(upload: Upload): Gap | undefined {
    if (this.#state !== 'lost' && this.#state !== 'gone')
      throw new Error(`a recording cannot move while ${this.#state}`);
    const { offset } = this.#tail;
    const gap = this.#openGap();
    // What `giveUp` dropped is in the gap; at offset 0 the first line kept is the old header.
    const kept = this.#state === 'gone' ? [] : this.#tail.take().slice(offset === 0 ? 1 : 0);
    this.#tail.take();
    this.#gapStart = undefined;
    const first = this.#upload === undefined;
    this.#take(upload);
    if (this.#cast.begun) {
      if (first) this.#cast.beginAgain();
      else this.#cast.continueFrom(offset);
      for (const line of kept) this.#send(line.bytes, line);
    }
    if (gap !== undefined) {
      this.#gaps.push(gap);
      this.#cast.marker(
        this.#seconds(),
        `kubewitness: ${gap.bytes} bytes from ${gap.fromMs} to ${gap.toMs} ms are not recorded`,
      );
    }
    this.#drain();
    return gap;
  }

  /** Nobody takes the recording: what was kept is dropped, and output flows on, counted as a gap. Idempotent. */
  giveUp(): void {
    if (this.#state !== 'lost') return;
    this.#state = 'gone';
    this.#gapStart = this.#tail.first ?? this.#now();
    this.#drain();
  }

  /** Ends the cast and waits, as long as the upload does, for the recorder's word. Rejects with a RecorderError. */
  end(): Promise<RecordingSummary> {
    this.#end ??= this.#finish();
    return this.#end;
  }

  /** Gives the recording up for good; the recorder sees that it is not complete. Idempotent. */
  abort(): void {
    if (this.#state === 'open' || this.#state === 'lost' || this.#state === 'gone') this.#close('aborted');
    this.#upload?.abort();
  }

  summary(): RecordingSummary {
    const gap = this.#openGap();
    return {
      recorder: this.#upload?.recorder ?? '',
      castBytes: this.#cast.castBytes,
      events: this.#cast.events,
      streams: this.#tally.read(),
      gaps: gap === undefined ? this.#gaps : [...this.#gaps, gap],
      complete: this.#state === 'complete' && this.#gaps.length === 0,
    };
  }

  async #finish(): Promise<RecordingSummary> {
    const upload = this.#upload;
    if (this.#state !== 'open' || upload === undefined) {
      throw this.#failure ?? this.#error('reset', 'finalise', 'the recording was aborted');
    }
    this.#pacer.flush();
    this.#cast.output(this.#seconds(), this.#decoders.stdout.end());
    this.#cast.output(this.#seconds(), this.#decoders.stderr.end());
    this.#begin(DEFAULT_SIZE);
    this.#close('ending');
    try {
      await upload.end();
    } catch (error) {
      this.#state = 'failed';
      throw error;
    }
    this.#state = 'complete';
    return this.summary();
  }

  #take(upload: Upload): void {
    this.#upload = upload;
    this.#state = 'open';
    this.#sentBytes = 0;
    upload.on('acked', this.#onAcked);
    upload.on('failed', this.#onUploadFailed);
  }

  #begin(size: TerminalSize): void {
    this.#cancelHeaderWait();
    this.#cast.begin(size);
  }

  #openGap(): Gap | undefined {
    return this.#gapStart === undefined ? undefined : gapBetween(this.#gapStart, this.#now());
  }

  #now(): TailMark {
    return { seconds: this.#seconds(), written: this.#written };
  }

  #seconds(): number {
    return (this.#clock.monotonic() - this.#startedAt) / 1000;
  }

  /** The upload's own high-water mark is not heeded here: what waits in it is unacknowledged, and that has a bound. */
  readonly #onLine = (line: Buffer): void => this.#send(line, this.#now());

  #send(line: Buffer, mark: TailMark): void {
    if (this.#state === 'gone') return;
    this.#tail.push(line, mark);
    if (this.#state === 'lost' || this.#upload === undefined) return;
    this.#sentBytes += line.length;
    this.#upload.write(line);
    if (!this.#ackDeadline.running && this.#upload.unackedBytes > 0) this.#ackDeadline.restart();
  }

  #hasRoom(): boolean {
    const max = this.#whenFull === 'fail' ? this.#limits.maxUnackedBytesOpen : this.#limits.maxUnackedBytes;
    if (this.#state === 'open' && this.#waitingBytes() > max && this.#whenFull === 'fail') {
      this.#lose(this.#error('size', 'stream', `more than ${max} bytes are unacknowledged`));
    }
    if (this.#state === 'gone' || (this.#state === 'open' && this.#waitingBytes() <= max)) return true;
    this.#paused = true;
    return false;
  }

  #waitingBytes(): number {
    return (this.#upload?.unackedBytes ?? 0) + this.#cast.heldBytes;
  }

  readonly #onAcked = (): void => {
    const unacked = this.#upload?.unackedBytes ?? 0;
    const kept = this.#upload?.protocol === 'v1' ? KEPT_WITHOUT_ACKS : 0;
    this.#tail.confirm(this.#sentBytes - unacked - kept);
    if (unacked > 0) this.#ackDeadline.restart();
    else this.#ackDeadline.stop();
    if (this.#waitingBytes() <= this.#limits.maxUnackedBytes / 2) this.#drain();
  };

  #drain(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.emit('drain');
  }

  readonly #onAckLate = (): void => {
    const { maxUnackedMs } = this.#limits;
    const bytes = this.#upload?.unackedBytes ?? 0;
    this.#lose(this.#error('ackLate', 'ack', `${bytes} bytes stayed unacknowledged for ${maxUnackedMs} ms`));
  };

  readonly #onUploadFailed = (error: RecorderError): void => this.#lose(error);

  #lose(error: RecorderError): void {
    if (this.#state !== 'open') return;
    this.#failure = error;
    this.#state = 'lost';
    this.#release();
    this.#upload?.abort();
    this.emit('failed', error);
  }

  /** Nothing is recorded from here on. */
  #close(state: 'ending' | 'aborted'): void {
    this.#state = state;
    this.#cancelHeaderWait();
    this.#pacer.stop();
    this.#release();
  }

  #release(): void {
    this.#ackDeadline.stop();
    this.#upload?.off('acked', this.#onAcked);
    this.#upload?.off('failed', this.#onUploadFailed);
  }

  #error(kind: RecorderFailureKind, phase: RecorderPhase, message: string): RecorderError {
    const recorder = this.#upload?.recorder ?? '';
    return new RecorderError({ kind, phase, recorder, message: `recorder ${recorder}: ${message}` });
  }
}
