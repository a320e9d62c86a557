import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;

/** By quantile; `1` is the longest. Seconds. */
export type Lag = Readonly<Record<'0.5' | '0.99' | '1', number>>;

/** The worst of two, by quantile. */
export function worseLag(one: Lag, other: Lag): Lag {
  return {
    '0.5': Math.max(one['0.5'], other['0.5']),
    '0.99': Math.max(one['0.99'], other['0.99']),
    '1': Math.max(one['1'], other['1']),
  };
}

/** How late the event loop is, measured between two looks. Seconds. */
export class EventLoopLag {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  /** Since the last call. The timer's own resolution is taken off: an idle loop is not late. */
  take(): Lag {
    const seconds = (nanoseconds: number): number =>
      Number.isFinite(nanoseconds) ? Math.max(nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000, 0) : 0;
    const lag = {
      '0.5': seconds(this.#delay.percentile(50)),
      '0.99': seconds(this.#delay.percentile(99)),
      // Before the first sample the longest is no number of this kind.
      '1': this.#delay.count === 0 ? 0 : seconds(this.#delay.max),
    };
    this.#delay.reset();
    return lag;
  }
}
