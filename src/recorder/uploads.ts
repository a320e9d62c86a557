import type { BodyReader } from './body-reader.ts';

/** The uploads in hand: counts them against a bound, and ends them when the recorder stops. */
export class Uploads {
  readonly #max: number;
  readonly #live = new Set<BodyReader>();
  #whenEmpty: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#live.size >= this.#max;
  }

  /** Counts the upload until `work` has settled, its answer included. */
  async run(body: BodyReader, work: () => Promise<void>): Promise<void> {
    this.#live.add(body);
    try {
      await work();
    } finally {
      this.#live.delete(body);
      if (this.#live.size === 0) for (const tell of this.#whenEmpty.splice(0)) tell();
    }
  }

  stopAll(reason: string): void {
    for (const body of this.#live) body.stop(reason);
  }

  empty(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    return new Promise(resolve => {
      this.#whenEmpty.push(resolve);
    });
  }
}
