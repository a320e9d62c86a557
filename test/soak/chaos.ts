import type { Random } from './random.ts';

/** Something that can be broken, and mended. */
export interface Breakable {
  readonly name: string;
  break(): Promise<void> | void;
  mend(): Promise<void> | void;
}

/**
 * Breaks things and mends them, by chance, as sessions end: the count of sessions is its clock. One thing at a time of
 * each name; several names may be broken together.
 */
export class Chaos {
  readonly #random: Random;
  readonly #things: readonly Breakable[];
  /** When it is mended, in sessions that have ended. */
  readonly #broken = new Map<Breakable, number>();
  readonly broke = new Map<string, number>();
  #busy: Promise<void> = Promise.resolve();

  constructor(random: Random, things: readonly Breakable[]) {
    this.#random = random;
    this.#things = things;
  }

  /** Told once for each session that has ended. */
  ended(count: number): void {
    this.#busy = this.#busy.then(() => this.#step(count));
    // Told by `mendAll`, which comes last.
    this.#busy.catch(() => {});
  }

  async mendAll(): Promise<void> {
    await this.#busy;
    for (const thing of this.#broken.keys()) await thing.mend();
    this.#broken.clear();
  }

  async #step(count: number): Promise<void> {
    for (const [thing, until] of this.#broken) {
      if (count < until) continue;
      this.#broken.delete(thing);
      await thing.mend();
    }
    if (!this.#random.chance(0.08)) return;
    const thing = this.#random.pick(this.#things);
    const mended = count + this.#random.int(2, 12);
    if (this.#broken.has(thing)) return;
    this.#broken.set(thing, mended);
    this.broke.set(thing.name, (this.broke.get(thing.name) ?? 0) + 1);
    await thing.break();
  }
}
