import type { Clock } from '../clock.ts';
import type { TerminalSize } from '../kube/remotecommand.ts';
import type { CastSubject } from '../recording/cast.ts';
import type { connectRecorder } from '../recording/connect.ts';
import type { RecordingLimits } from '../recording/recording.ts';
import { Recording } from '../recording/recording.ts';
import type { StreamTallies } from '../recording/tally.ts';
import { Tally } from '../recording/tally.ts';
import type { Upload } from '../recording/upload.ts';
import { RecorderError } from '../recording/upload.ts';

export interface RecordingSlotOptions {
  readonly clock: Clock;
  readonly connectRecorder: typeof connectRecorder;
  readonly limits: Partial<RecordingLimits>;
  /** The recording failed; said once, by the first thing that went wrong. */
  readonly failed: (error: RecorderError) => void;
  /** Output that was held back may flow again. */
  readonly drained: () => void;
}

/**
 * The place of a session's recording: empty, held by an upload that a recorder has accepted, written to, or lost. What
 * the command writes is counted in every case.
 */
export class RecordingSlot {
  readonly #options: RecordingSlotOptions;
  readonly #tally = new Tally();
  #upload: Upload | undefined;
  #recording: Recording | undefined;
  #lost = false;

  constructor(options: RecordingSlotOptions) {
    this.#options = options;
  }

  /** Bytes and SHA-256 of what the command wrote, recorded or not. */
  get tallies(): StreamTallies {
    return this.#recording?.summary().streams ?? this.#tally.read();
  }

  /** One recorder. Resolves when it is ours; rejects with a RecorderError. A second one to accept is reset. */
  async connect(recorder: string, signal: AbortSignal): Promise<void> {
    const upload = await this.#options.connectRecorder(recorder, { signal });
    if (this.#upload !== undefined || signal.aborted) {
      upload.abort();
      return;
    }
    this.#upload = upload;
    upload.on('failed', this.#onFailed);
  }

  /** Begins the cast, if a recorder has accepted it and is still there. */
  begin(subject: CastSubject, options: { readonly tty: boolean; readonly whenFull: 'pause' | 'fail' }): void {
    if (this.#upload === undefined || this.#lost) return;
    this.#upload.off('failed', this.#onFailed);
    const { clock, limits } = this.#options;
    const recording = new Recording({ subject, ...options, upload: this.#upload, clock, limits });
    recording.on('failed', this.#onFailed);
    recording.on('drain', this.#options.drained);
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

  /**
   * Ends the recording and waits for the recorder's last word (`keep`), or resets the upload of a session that came to
   * nothing. False: there is no complete recording.
   */
  async finish(keep: boolean): Promise<boolean> {
    const recording = this.#recording;
    if (this.#upload === undefined || this.#lost) return false;
    if (!keep || recording === undefined) {
      this.release();
      return false;
    }
    try {
      await recording.end();
      return true;
    } catch (error) {
      if (!(error instanceof RecorderError)) throw error;
      this.#onFailed(error);
      return false;
    }
  }

  /** Resets what is open, silently. Idempotent. */
  release(): void {
    this.#lost = true;
    this.#upload?.off('failed', this.#onFailed);
    this.#recording?.off('failed', this.#onFailed);
    this.#recording?.off('drain', this.#options.drained);
    this.#upload?.abort();
  }

  readonly #onFailed = (error: RecorderError): void => {
    if (this.#lost) return;
    this.#lost = true;
    this.#upload?.abort();
    this.#options.failed(error);
    this.#options.drained();
  };
}
