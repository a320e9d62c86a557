import { StringDecoder } from 'node:string_decoder';
import { EventEmitter } from 'eventemitter3';
import type { Clock } from '../clock.ts';
import type { TerminalSize } from '../kube/remotecommand.ts';
import type { CastSubject } from './cast.ts';
import { DEFAULT_SIZE } from './cast.ts';
import { CastWriter } from './cast-writer.ts';
import type { RecordingLimits } from './recording-limits.ts';
import { DEFAULT_RECORDING_LIMITS } from './recording-limits.ts';
import { ResizePacer } from './resize-pacer.ts';
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
  readonly upload: Upload;
  readonly clock: Clock;
  readonly timers?: Timers;
  /** Past `maxUnackedBytes`: hold the source back, or give the recording up. */
  readonly whenFull: 'pause' | 'fail';
  readonly limits?: Partial<RecordingLimits>;
}

export interface RecordingSummary {
  readonly recorder: string;
  readonly castBytes: number;
  readonly events: number;
  readonly streams: StreamTallies;
  /** The recorder has confirmed the whole cast. */
  readonly complete: boolean;
}

/**
 * One session's cast on its way to one recorder. `drain`: held-back output may flow again. `failed`: at most once, and
 * not by `end`, which rejects instead; after it the streams are only counted.
 */
export class Recording extends EventEmitter<{ drain: []; failed: [RecorderError] }> {
  readonly #upload: Upload;
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
  #state: 'open' | 'ending' | 'complete' | 'failed' | 'aborted' = 'open';
  #failure: RecorderError | undefined;
  #end: Promise<RecordingSummary> | undefined;
  #headerWaitedBytes = 0;
  #paused = false;

  constructor(options: RecordingOptions) {
    super();
    const { upload, clock, timers = systemTimers } = options;
    this.#upload = upload;
    this.#clock = clock;
    this.#limits = { ...DEFAULT_RECORDING_LIMITS, ...options.limits };
    this.#whenFull = options.whenFull;
    this.#startedAt = clock.monotonic();
    this.#ackDeadline = new Deadline(timers, this.#limits.maxUnackedMs, this.#onAckLate);
    this.#cast = new CastWriter({
      subject: options.subject,
      timestampSeconds: clock.now() / 1000,
      maxLineBytes: this.#limits.maxLineBytes,
      write: this.#write,
    });
    this.#pacer = new ResizePacer({
      maxPerSecond: this.#limits.maxResizesPerSecond,
      clock,
      timers,
      write: size => this.#cast.resize(this.#seconds(), size),
    });
    upload.on('acked', this.#onAcked);
    upload.on('failed', this.#onUploadFailed);
    this.#cancelHeaderWait = options.tty
      ? timers.after(this.#limits.headerWaitMs, () => this.#cast.begin(DEFAULT_SIZE))
      : () => {};
    if (!options.tty) this.#cast.begin(DEFAULT_SIZE);
  }

  /** Records what the command wrote. False: hold the source back until `drain`. */
  output(stream: OutputStream, bytes: Buffer): boolean {
    this.#tally.count(stream, bytes);
    if (this.#state !== 'open') return true;
    this.#cast.output(this.#seconds(), this.#decoders[stream].write(bytes));
    if (!this.#cast.begun) {
      this.#headerWaitedBytes += bytes.length;
      if (this.#headerWaitedBytes >= this.#limits.headerWaitBytes) this.#begin(DEFAULT_SIZE);
    }
    return this.#hasRoom();
  }

  resize(size: TerminalSize): void {
    if (this.#state !== 'open') return;
    if (this.#cast.begun) this.#pacer.offer(size);
    else this.#begin(size);
  }

  /** Ends the cast and waits, as long as the upload does, for the recorder's word. Rejects with a RecorderError. */
  end(): Promise<RecordingSummary> {
    this.#end ??= this.#finish();
    return this.#end;
  }

  /** Gives the recording up; the recorder sees that it is not complete. Idempotent. */
  abort(): void {
    if (this.#state === 'open') this.#close('aborted');
    this.#upload.abort();
  }

  summary(): RecordingSummary {
    return {
      recorder: this.#upload.recorder,
      castBytes: this.#cast.castBytes,
      events: this.#cast.events,
      streams: this.#tally.read(),
      complete: this.#state === 'complete',
    };
  }

  async #finish(): Promise<RecordingSummary> {
    if (this.#state !== 'open')
      throw this.#failure ?? this.#error('reset', 'finalise', 'the recording was aborted');
    this.#pacer.flush();
    this.#cast.output(this.#seconds(), this.#decoders.stdout.end());
    this.#cast.output(this.#seconds(), this.#decoders.stderr.end());
    this.#begin(DEFAULT_SIZE);
    this.#close('ending');
    try {
      await this.#upload.end();
    } catch (error) {
      this.#state = 'failed';
      throw error;
    }
    this.#state = 'complete';
    return this.summary();
  }

  #begin(size: TerminalSize): void {
    this.#cancelHeaderWait();
    this.#cast.begin(size);
  }

  #seconds(): number {
    return (this.#clock.monotonic() - this.#startedAt) / 1000;
  }

  /** The upload's own high-water mark is not heeded here: what waits in it is unacknowledged, and that has a bound. */
  readonly #write = (line: Buffer): void => {
    this.#upload.write(line);
    if (!this.#ackDeadline.running && this.#upload.unackedBytes > 0) this.#ackDeadline.restart();
  };

  #hasRoom(): boolean {
    const { maxUnackedBytes } = this.#limits;
    if (this.#waitingBytes() <= maxUnackedBytes) return true;
    if (this.#whenFull === 'fail') {
      this.#fail(this.#error('size', 'stream', `more than ${maxUnackedBytes} bytes are unacknowledged`));
      return true;
    }
    this.#paused = true;
    return false;
  }

  #waitingBytes(): number {
    return this.#upload.unackedBytes + this.#cast.heldBytes;
  }

  readonly #onAcked = (): void => {
    if (this.#upload.unackedBytes > 0) this.#ackDeadline.restart();
    else this.#ackDeadline.stop();
    if (!this.#paused || this.#waitingBytes() > this.#limits.maxUnackedBytes / 2) return;
    this.#paused = false;
    this.emit('drain');
  };

  readonly #onAckLate = (): void => {
    const { maxUnackedMs } = this.#limits;
    this.#fail(
      this.#error(
        'ackLate',
        'ack',
        `${this.#upload.unackedBytes} bytes stayed unacknowledged for ${maxUnackedMs} ms`,
      ),
    );
  };

  readonly #onUploadFailed = (error: RecorderError): void => this.#fail(error);

  #fail(error: RecorderError): void {
    if (this.#state !== 'open') return;
    this.#failure = error;
    this.#close('failed');
    this.#upload.abort();
    this.emit('failed', error);
  }

  /** Nothing is recorded from here on. */
  #close(state: 'ending' | 'failed' | 'aborted'): void {
    this.#state = state;
    this.#cancelHeaderWait();
    this.#pacer.stop();
    this.#ackDeadline.stop();
    this.#upload.off('acked', this.#onAcked);
    this.#upload.off('failed', this.#onUploadFailed);
  }

  #error(kind: RecorderFailureKind, phase: RecorderPhase, message: string): RecorderError {
    const { recorder } = this.#upload;
    return new RecorderError({ kind, phase, recorder, message: `recorder ${recorder}: ${message}` });
  }
}
