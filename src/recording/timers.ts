export type CancelTimer = () => void;

/** Where waits come from; passed in so that tests own them. */
export interface Timers {
  /** Calls `then` once after `ms` milliseconds, unless cancelled. Cancelling late or twice does nothing. */
  after(ms: number, then: () => void): CancelTimer;
}

export const systemTimers: Timers = {
  after(ms, then) {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

/** A wait that starts again with each sign of life. */
export class Deadline {
  readonly #timers: Timers;
  readonly #ms: number;
  readonly #passed: () => void;
  #cancel: CancelTimer | undefined;

  constructor(timers: Timers, ms: number, passed: () => void) {
    this.#timers = timers;
    this.#ms = ms;
    this.#passed = passed;
  }

  get running(): boolean {
    return this.#cancel !== undefined;
  }

  restart(): void {
    this.stop();
    this.#cancel = this.#timers.after(this.#ms, () => {
      this.#cancel = undefined;
      this.#passed();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
