import type { Clock } from '../clock.ts';
import type { CertificatePair } from './certificate-pair.ts';
import { LocalApiError } from './local-api-error.ts';

/** A certificate is renewed when this part of its life has passed, as ACME clients do. */
const RENEW_AT = 2 / 3;
/** Pause after a failure; doubles with each further one, up to the longest. */
const FIRST_RETRY_MS = 60_000;
const LONGEST_RETRY_MS = 60 * 60_000;
/** The longest that the other side may make us wait. */
const LONGEST_RETRY_AFTER_MS = 24 * 60 * 60_000;
/** Timers hold 24 days and stand still while a machine sleeps: what is due is looked at this often. */
const LOOK_AGAIN_MS = 12 * 60 * 60_000;

export interface KeeperOptions {
  /** Asks for a certificate that holds at least that long; `LocalApi.certificate` with its domain filled in. */
  readonly fetch: (minValidityMs: number) => Promise<CertificatePair>;
  readonly clock: Clock;
  /** Calls back once after `ms`, unless the returned function is called first. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Each new certificate, the first one included: `pair => server.setSecureContext(pair)`. */
  readonly changed: (pair: CertificatePair) => void;
  /** Each failure, and how long it lasts until the next attempt. The certificate at hand stays in use. */
  readonly failed: (error: unknown, retryMs: number) => void;
}

/** Keeps one certificate fresh for as long as the process runs. */
export class CertificateKeeper {
  readonly #options: KeeperOptions;
  #pair: CertificatePair | undefined;
  /** Wall clock. */
  #dueAt = 0;
  #failures = 0;
  #closed = false;
  #cancel: () => void = () => {};

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** The first certificate: from then on it is kept fresh. Rejects, and keeps nothing, when none is to be had. */
  async start(): Promise<CertificatePair> {
    const pair = await this.#options.fetch(0);
    this.#take(pair);
    return pair;
  }

  /** Asks no more. An answer that is under way is dropped. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #take(pair: CertificatePair): void {
    if (this.#closed) return;
    this.#options.changed(pair);
    this.#pair = pair;
    this.#failures = 0;
    // One that is nearly over when it comes is renewed soon, yet never in a loop.
    this.#dueAt = Math.max(
      pair.validFrom + RENEW_AT * (pair.validTo - pair.validFrom),
      this.#options.clock.now() + FIRST_RETRY_MS,
    );
    this.#wait();
  }

  #wait(): void {
    const { clock, after } = this.#options;
    const waitMs = Math.min(Math.max(this.#dueAt - clock.now(), 0), LOOK_AGAIN_MS);
    this.#cancel = after(waitMs, () => {
      if (clock.now() < this.#dueAt) this.#wait();
      else void this.#renew();
    });
  }

  async #renew(): Promise<void> {
    try {
      // More than what is left of the old one, so that the old one cannot be the answer.
      const left = (this.#pair?.validTo ?? 0) - this.#options.clock.now();
      const pair = await this.#options.fetch(Math.max(left, 0) + 1_000);
      if (pair.validTo <= (this.#pair?.validTo ?? 0)) {
        throw new LocalApiError('badAnswer', 'tailscaled gave the old certificate again');
      }
      this.#take(pair);
    } catch (error) {
      if (this.#closed) return;
      const retryMs = this.#retryMs(error);
      this.#dueAt = this.#options.clock.now() + retryMs;
      this.#options.failed(error, retryMs);
      this.#wait();
    }
  }

  #retryMs(error: unknown): number {
    const own = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    const asked = error instanceof LocalApiError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(own, Math.min(asked, LONGEST_RETRY_AFTER_MS));
  }
}
