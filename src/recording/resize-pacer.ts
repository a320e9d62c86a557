import type { Clock } from '../clock.ts';
import type { TerminalSize } from '../kube/remotecommand.ts';
import type { CancelTimer, Timers } from './timers.ts';

const WINDOW_MS = 1_000;

export interface ResizePacerOptions {
  readonly maxPerSecond: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly write: (size: TerminalSize) => void;
}

/**
 * Bounds a storm of sizes (a window dragged by its corner, or a client that means harm): the first ones of a second
 * pass at once, of the rest the last one when the second is over.
 */
export class ResizePacer {
  readonly #options: ResizePacerOptions;
  #windowStart = Number.NEGATIVE_INFINITY;
  #passed = 0;
  #pending: TerminalSize | undefined;
  #cancel: CancelTimer | undefined;

  constructor(options: ResizePacerOptions) {
    this.#options = options;
  }

  offer(size: TerminalSize): void {
    const { clock, maxPerSecond, timers, write } = this.#options;
    if (this.#pending !== undefined) {
      this.#pending = size;
      return;
    }
    const now = clock.monotonic();
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#passed = 0;
    }
    if (this.#passed < maxPerSecond) {
      this.#passed++;
      write(size);
      return;
    }
    this.#pending = size;
    this.#cancel = timers.after(this.#windowStart + WINDOW_MS - now, () => this.flush());
  }

  /** Writes what waits. */
  flush(): void {
    const size = this.#pending;
    this.stop();
    if (size === undefined) return;
    this.#windowStart = this.#options.clock.monotonic();
    this.#passed = 1;
    this.#options.write(size);
  }

  /** Forgets what waits. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#pending = undefined;
  }
}
