import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { BusUpdate } from './ipn-bus.ts';
import { listenToBus } from './ipn-bus.ts';
import type { LocalApi } from './local-api.ts';
import type { LocalApiError } from './local-api-error.ts';

/** Pause before the watch is tried again; doubles with each failure, up to the longest. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/** What tailscaled says of itself. */
export interface Backend {
  /** `Running`, `NeedsLogin`, `NeedsMachineAuth`, `Stopped`, `Starting` …; undefined while it is not heard. */
  readonly state: string | undefined;
  /** Why it is not heard. */
  readonly error?: string;
  /** Since when it is so; milliseconds since the Unix epoch. */
  readonly since: number;
  /** What it complains about. */
  readonly health: readonly string[];
}

export interface BackendWatchOptions {
  readonly socketPath: string;
  /** Asked where a message was missed. */
  readonly status: LocalApi['status'];
  readonly clock: Pick<Clock, 'now'>;
  /** Calls back once after `ms`, unless the returned function is called first. */
  readonly after: (ms: number, then: () => void) => () => void;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Keeps an ear on tailscaled's bus, so that a state is known when it changes, and listens again after each restart. */
export class BackendWatch {
  readonly #options: BackendWatchOptions;
  #backend: Backend;
  #changes = 0;
  #failures = 0;
  #closed = false;
  #stop: () => void = () => {};

  constructor(options: BackendWatchOptions) {
    this.#options = options;
    this.#backend = { state: undefined, since: options.clock.now(), health: [] };
    this.#listen();
  }

  get backend(): Backend {
    return this.#backend;
  }

  /** Grows with every change of the state: what was learnt under another number may no longer hold. */
  get changes(): number {
    return this.#changes;
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #listen(): void {
    this.#stop = listenToBus(this.#options.socketPath, {
      heard: update => {
        this.#failures = 0;
        this.#take(update);
      },
      missed: () => void this.#ask(),
      ended: error => this.#lost(error),
    });
  }

  #take({ state = this.#backend.state, health = this.#backend.health }: BusUpdate): void {
    const { state: before, since } = this.#backend;
    if (state === before && this.#backend.error === undefined) {
      this.#backend = { state, since, health };
      return;
    }
    this.#changes += 1;
    this.#backend = { state, since: this.#options.clock.now(), health };
    this.#options.log.info({ state, before }, 'tailscaled changed its state');
  }

  #lost(error: LocalApiError): void {
    const { clock, after, log } = this.#options;
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    if (this.#backend.error !== error.message) {
      if (this.#backend.state !== undefined) this.#changes += 1;
      this.#backend = { state: undefined, error: error.message, since: clock.now(), health: [] };
      log.warn({ kind: error.kind, error: error.message }, 'tailscaled is not heard');
    }
    this.#stop = after(retryMs, () => this.#listen());
  }

  /** The missed message may have told a new state. */
  async #ask(): Promise<void> {
    try {
      const { backendState, health } = await this.#options.status();
      if (!this.#closed && this.#backend.error === undefined) this.#take({ state: backendState, health });
    } catch (error) {
      // Who calls is asked of tailscaled all the same, and is told then.
      this.#options.log.warn({ error: messageOf(error) }, 'tailscaled does not say its state');
    }
  }
}
