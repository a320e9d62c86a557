/** Slots that workers take in blocks and give back. All of them together never have more than the limit. */
export class SlotPool {
  readonly #limit: number;
  readonly #lent = new Map<number, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get lent(): number {
    let sum = 0;
    for (const count of this.#lent.values()) sum += count;
    return sum;
  }

  /** How many of them the worker gets, as many as there are at most. */
  take(worker: number, wanted: number): number {
    const count = Math.min(wanted, this.#limit - this.lent);
    this.#lent.set(worker, this.#of(worker) + count);
    return count;
  }

  give(worker: number, count: number): void {
    this.#lent.set(worker, Math.max(this.#of(worker) - count, 0));
  }

  /** What a worker that has died held is free again. */
  gone(worker: number): void {
    this.#lent.delete(worker);
  }

  #of(worker: number): number {
    return this.#lent.get(worker) ?? 0;
  }
}

const MAX_BLOCK = 32;
/** Of a limit, an eighth at most lies ready in workers that do not need it. */
const READY_SHARE = 16;

/** How many slots a worker takes at once: one of a small limit, so that none lies idle while another worker wants it. */
export function blockOf(limit: number, workers: number): number {
  return Math.min(Math.max(Math.floor(limit / (workers * READY_SHARE)), 1), MAX_BLOCK);
}
