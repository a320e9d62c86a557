import { EventEmitter } from 'eventemitter3';
import type { RecorderFailures } from './recorder-failure.ts';
import type { Timers } from './timers.ts';
import type { RecorderError, RecorderFailureKind, RecorderPhase, UploadEvents } from './upload.ts';

export interface UploadFateOptions {
  readonly failures: RecorderFailures;
  readonly timers: Timers;
  readonly finalAnswerMs: number;
  /** Lets go of timers, listeners and sockets; called once. A body that had not ended must be seen to be cut. */
  readonly release: () => void;
}

/** How an upload ends: once, by the first thing that happens. */
export class UploadFate {
  readonly #options: UploadFateOptions;
  readonly #emitter = new EventEmitter<UploadEvents>();
  #state: 'streaming' | 'ending' | 'over' = 'streaming';
  #failure: RecorderError | undefined;
  #failureTold = false;
  #end: Promise<void> | undefined;
  #settleEnd: ((failure?: RecorderError) => void) | undefined;

  constructor(options: UploadFateOptions) {
    this.#options = options;
  }

  get state(): 'streaming' | 'ending' | 'over' {
    return this.#state;
  }

  acked(): void {
    this.#emitter.emit('acked');
  }

  fail(kind: RecorderFailureKind, phase: RecorderPhase, what: string): void {
    const { failures } = this.#options;
    this.failWith(
      failures.say(kind, this.#state === 'ending' && phase !== 'store' ? 'finalise' : phase, what),
    );
  }

  /** From an error of the transport. */
  broke(error: unknown): void {
    const { failures } = this.#options;
    this.failWith(failures.from(error, this.#state === 'ending' ? 'finalise' : 'stream', 'the upload'));
  }

  failWith(error: RecorderError): void {
    if (this.#state === 'over') return;
    const wasEnding = this.#state === 'ending';
    this.#failure = error;
    this.#close();
    if (wasEnding) {
      this.#failureTold = true;
      this.#settleEnd?.(error);
    } else this.#tellFailure();
  }

  /** The recorder has said that it has everything. */
  complete(): void {
    if (this.#state !== 'ending') return;
    this.#close();
    this.#settleEnd?.();
  }

  /** `endBody` closes our half; the answer has `finalAnswerMs`. */
  end(endBody: () => void): Promise<void> {
    this.#end ??= this.#startEnd(endBody);
    return this.#end;
  }

  abort(): void {
    if (this.#state === 'over') return;
    this.#failureTold = true;
    this.failWith(this.#options.failures.say('reset', 'finalise', 'the upload was aborted'));
  }

  on<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void {
    this.#listen('on', name, listener);
    // A recorder may be lost between its acceptance and the first listener.
    if (name === 'failed' && !this.#failureTold) queueMicrotask(() => this.#tellFailure());
  }

  off<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void {
    this.#listen('off', name, listener);
  }

  #startEnd(endBody: () => void): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#state = 'ending';
    const { timers, finalAnswerMs } = this.#options;
    return new Promise((resolve, reject) => {
      const cancel = timers.after(finalAnswerMs, () =>
        this.fail('timeout', 'finalise', `no final answer within ${finalAnswerMs} ms`),
      );
      this.#settleEnd = failure => {
        cancel();
        if (failure === undefined) resolve();
        else reject(failure);
      };
      endBody();
    });
  }

  #close(): void {
    this.#state = 'over';
    this.#options.release();
  }

  #tellFailure(): void {
    if (this.#failure === undefined || this.#failureTold || this.#emitter.listenerCount('failed') === 0)
      return;
    this.#failureTold = true;
    this.#emitter.emit('failed', this.#failure);
  }

  #listen<Name extends keyof UploadEvents>(
    how: 'on' | 'off',
    name: Name,
    listener: UploadEvents[Name],
  ): void {
    // The emitter's listener type does not follow a generic name; the signature above has checked the pair.
    this.#emitter[how](name, listener as UploadEvents['acked'] & UploadEvents['failed']);
  }
}
