import type { Clock } from '../clock.ts';

/** A value, and for how many milliseconds it may be given out again. 0: to those who are waiting for it, no longer. */
export interface Kept<Value> {
  readonly value: Value;
  readonly keepMs: number;
}

interface Entry<Value> {
  readonly value: Promise<Value>;
  /** Monotonic. Infinity while it is being loaded. */
  expiresAt: number;
}

/**
 * Answers that hold for seconds. Everybody who asks for one key while it is being loaded waits for that one load; a load
 * that fails is not kept. Full, it drops what would expire first, loads under way last.
 */
export class ShortCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #maxEntries: number;
  readonly #clock: Pick<Clock, 'monotonic'>;

  constructor(maxEntries: number, clock: Pick<Clock, 'monotonic'>) {
    this.#maxEntries = maxEntries;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, load: () => Promise<Kept<Value>>): Promise<Value> {
    const known = this.#entries.get(key);
    if (known !== undefined && this.#clock.monotonic() < known.expiresAt) return known.value;
    this.#entries.delete(key);
    if (this.#entries.size >= this.#maxEntries) this.#dropOne();
    const loaded = load();
    const entry: Entry<Value> = { value: loaded.then(({ value }) => value), expiresAt: Infinity };
    this.#entries.set(key, entry);
    const forget = (): void => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
    loaded.then(({ keepMs }) => {
      entry.expiresAt = this.#clock.monotonic() + keepMs;
      if (keepMs <= 0) forget();
    }, forget);
    return entry.value;
  }

  #dropOne(): void {
    let first: string | undefined;
    let soonest = Number.POSITIVE_INFINITY;
    for (const [key, { expiresAt }] of this.#entries) {
      if (first === undefined || expiresAt < soonest) {
        first = key;
        soonest = expiresAt;
      }
    }
    if (first !== undefined) this.#entries.delete(first);
  }
}
