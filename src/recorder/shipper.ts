import { messageOf } from '../errors.ts';
import type { RecorderLog } from './log.ts';
import { within } from './within.ts';

export interface ShipperLimits {
  /** Recordings on their way at one time. */
  readonly atOnce: number;
  /** Rest after a first failure; each further one doubles it. */
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** How long `stop` waits for what is on its way. */
  readonly stopMs: number;
}

export const DEFAULT_SHIPPER_LIMITS: ShipperLimits = {
  atOnce: 4,
  firstRetryMs: 1000,
  maxRetryMs: 60_000,
  stopMs: 10_000,
};

export interface ShipperOptions {
  /** May be called again for the same id after it rejected. */
  readonly ship: (id: string) => Promise<void>;
  readonly log: RecorderLog;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly limits?: ShipperLimits;
}

/**
 * Carries recordings to where they are kept, in the order given, until each has arrived. A failure rests everything for
 * a while, since it nearly always is the far end that is away, and puts the recording at the end of the line.
 */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #limits: ShipperLimits;
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  #failures = 0;
  #rest: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_SHIPPER_LIMITS;
  }

  /** Recordings that have not arrived. */
  get size(): number {
    return this.#waiting.size + this.#running.size;
  }

  has(id: string): boolean {
    return this.#waiting.has(id) || this.#running.has(id);
  }

  add(id: string): void {
    this.#waiting.add(id);
    this.#pump();
  }

  /** What has not arrived stays where it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#rest);
    await within(Promise.all(this.#running.values()), this.#limits.stopMs);
  }

  #pump(): void {
    if (this.#stopped || this.#rest !== undefined) return;
    for (const id of this.#waiting) {
      if (this.#running.size >= this.#limits.atOnce) return;
      this.#waiting.delete(id);
      this.#running.set(id, this.#ship(id));
    }
  }

  /** Never rejects. */
  async #ship(id: string): Promise<void> {
    try {
      await this.#options.ship(id);
      this.#running.delete(id);
      this.#failures = 0;
    } catch (error) {
      this.#running.delete(id);
      this.#waiting.add(id);
      this.#restAfter(id, error);
    }
    this.#pump();
  }

  #restAfter(recordingId: string, error: unknown): void {
    if (this.#rest !== undefined || this.#stopped) return;
    const { firstRetryMs, maxRetryMs } = this.#limits;
    const longest = Math.min(maxRetryMs, firstRetryMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    const { random = Math.random } = this.#options;
    const retryMs = Math.round((longest * (1 + random())) / 2);
    this.#rest = setTimeout(this.#onRested, retryMs);
    const facts = { recordingId, reason: messageOf(error), retryMs, waiting: this.size };
    this.#options.log.warn(facts, 'a recording did not reach the bucket');
  }

  readonly #onRested = (): void => {
    this.#rest = undefined;
    this.#pump();
  };
}
