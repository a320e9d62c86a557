import { ailingLast } from '../recording/recorder-health.ts';
import type { Channel } from './channel.ts';
import type { FromWorker } from './protocol.ts';

/** What a worker knows of recorders: what it met itself, and what the primary has of all workers and looks after. */
export class RemoteHealth {
  readonly #channel: Channel<FromWorker>;
  #ailing: Set<string>;

  constructor(channel: Channel<FromWorker>, ailing: readonly string[]) {
    this.#channel = channel;
    this.#ailing = new Set(ailing);
  }

  order(recorders: readonly string[]): string[] {
    return ailingLast(recorders, this.#ailing);
  }

  failed(recorder: string): void {
    if (this.#ailing.has(recorder)) return;
    this.#ailing.add(recorder);
    this.#channel.send({ kind: 'recorder', recorder, well: false });
  }

  accepted(recorder: string): void {
    if (this.#ailing.delete(recorder)) this.#channel.send({ kind: 'recorder', recorder, well: true });
  }

  ailing(recorders: readonly string[]): void {
    this.#ailing = new Set(recorders);
  }
}
