import { Channel } from '../../../src/workers/channel.ts';
import type { FromPrimary, FromWorker } from '../../../src/workers/protocol.ts';
import { readFromPrimary, readFromWorker } from '../../../src/workers/protocol.ts';

/** A peer that keeps what it is told, as it would come out of the channel of a process. */
export class FakePeer {
  readonly said: unknown[] = [];
  /** What `send` answers from here on. */
  flows = true;
  readonly #under: ((error: Error | null) => void)[] = [];

  send(message: object, done: (error: Error | null) => void): boolean {
    this.said.push(JSON.parse(JSON.stringify(message)));
    if (this.flows) done(null);
    else this.#under.push(done);
    return this.flows;
  }

  /** Everything that was under way has arrived. */
  arrive(): void {
    this.flows = true;
    for (const done of this.#under.splice(0)) done(null);
  }

  /** Checked as the primary checks it, and taken out. */
  toPrimary(): FromWorker[] {
    return this.said.splice(0).map(readFromWorker);
  }

  toWorker(): FromPrimary[] {
    return this.said.splice(0).map(readFromPrimary);
  }
}

export function channelOf(peer: FakePeer, drained?: () => void): Channel<FromWorker> {
  return new Channel<FromWorker>(peer, drained);
}
