import { overloaded, type Release, type SlotSource } from '../proxy/limits.ts';

export interface LeasedSlotsOptions {
  /** For people: `requests in flight`. */
  readonly what: string;
  /** Of all workers together, for people. */
  readonly limit: number;
  /** How many are asked for at once. */
  readonly block: number;
  /** Asks the primary for some; `granted` is its answer. */
  readonly ask: (count: number) => void;
  readonly giveBack: (count: number) => void;
}

interface Waiter {
  readonly served: (release: Release) => void;
  readonly refused: (error: Error) => void;
}

/**
 * A worker's part of slots that the primary lends to all workers. A few lie ready, so that most requests need no word
 * with the primary.
 */
export class LeasedSlots implements SlotSource {
  readonly #options: LeasedSlotsOptions;
  readonly #waiting: Waiter[] = [];
  #lent = 0;
  #taken = 0;
  #asking = false;

  constructor(options: LeasedSlotsOptions) {
    this.#options = options;
  }

  take(): Release | Promise<Release> {
    if (this.#taken < this.#lent) return this.#one();
    return new Promise<Release>((served, refused) => {
      this.#waiting.push({ served, refused });
      this.#ask();
    });
  }

  /** The primary's answer to the one question there is at a time. Zero: all are taken, and whoever waits is refused. */
  granted(count: number): void {
    this.#asking = false;
    this.#lent += count;
    this.#serve();
    if (count === 0) {
      const { what, limit } = this.#options;
      for (const { refused } of this.#waiting.splice(0)) refused(overloaded(what, limit));
    }
    if (this.#waiting.length > 0) this.#ask();
    this.#tidy();
  }

  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#options.ask(Math.max(this.#options.block, this.#waiting.length));
  }

  #serve(): void {
    while (this.#taken < this.#lent) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.served(this.#one());
    }
  }

  #one(): Release {
    this.#taken++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken--;
      this.#serve();
      this.#tidy();
    };
  }

  /** A block less one lies ready; what is more than twice that goes back. */
  #tidy(): void {
    const ready = this.#options.block - 1;
    const free = this.#lent - this.#taken;
    if (free <= ready * 2) return;
    this.#lent -= free - ready;
    this.#options.giveBack(free - ready);
  }
}
