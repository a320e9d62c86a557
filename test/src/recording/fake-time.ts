import type { Clock } from '../../../src/clock.ts';
import type { Timers } from '../../../src/recording/timers.ts';

interface Waiting {
  readonly at: number;
  readonly then: () => void;
}

/** A clock and its timers that move only when a test says so. */
export class FakeTime implements Clock, Timers {
  wallMs = 1_767_225_600_000;
  #nowMs = 5_000;
  readonly #waiting = new Set<Waiting>();

  now(): number {
    return this.wallMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  get timers(): number {
    return this.#waiting.size;
  }

  after(ms: number, then: () => void): () => void {
    const waiting = { at: this.#nowMs + ms, then };
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  pass(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#waiting.delete(next);
      this.#moveTo(next.at);
      next.then();
    }
    this.#moveTo(end);
  }

  /** Both clocks go alike, unless a test sets the wall clock. */
  #moveTo(ms: number): void {
    this.wallMs += ms - this.#nowMs;
    this.#nowMs = ms;
  }
}
