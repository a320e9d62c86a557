import type { Signal } from '../metrics/updates.ts';
import type { Timers } from '../recording/timers.ts';
import type { Channel } from './channel.ts';
import type { FromWorker } from './protocol.ts';

/** Requests are told together, so that a busy worker says little. */
const GATHER_MS = 100;
/** Requests of which the time is kept, while the primary is slow; past it they are no longer measured. */
const MAX_MEASURED = 10_000;

type Counted = Extract<FromWorker, { kind: 'counted' }>;

/** What a worker has for the metrics beside its audit and its sessions. */
export class SignalTeller {
  readonly #channel: Channel<FromWorker>;
  readonly #timers: Timers;
  #proxied = 0;
  #eventRecording = 0;
  #requests: Counted['requests'] = [];
  #planned = false;

  constructor(channel: Channel<FromWorker>, timers: Timers) {
    this.#channel = channel;
    this.#timers = timers;
  }

  tell(signal: Signal): void {
    if (signal.kind === 'proxied') this.#proxied++;
    else if (signal.kind === 'eventRecording') this.#eventRecording++;
    else if (signal.kind === 'request' && this.#requests.length < MAX_MEASURED) {
      const { verb, code, seconds } = signal;
      this.#requests.push({ verb, code, seconds });
    }
    if (this.#planned) return;
    this.#planned = true;
    this.#timers.after(GATHER_MS, () => {
      this.#planned = false;
      if (!this.#channel.congested) this.drained();
    });
  }

  /** Says what there is. */
  drained(): void {
    if (this.#proxied + this.#eventRecording + this.#requests.length === 0) return;
    this.#channel.send({
      kind: 'counted',
      proxied: this.#proxied,
      eventRecording: this.#eventRecording,
      requests: this.#requests,
    });
    this.#proxied = 0;
    this.#eventRecording = 0;
    this.#requests = [];
  }
}
