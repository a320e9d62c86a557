import type { SessionView } from '../session/view.ts';
import type { Channel } from './channel.ts';
import type { FromWorker } from './protocol.ts';

/** Tells the primary each step of each session; while it is slow, only the last of each. */
export class ViewTeller {
  readonly #channel: Channel<FromWorker>;
  /** No more than there are sessions. */
  readonly #held = new Map<string, SessionView>();

  constructor(channel: Channel<FromWorker>) {
    this.#channel = channel;
  }

  tell(view: SessionView): void {
    if (this.#channel.congested) this.#held.set(view.id, view);
    else this.#channel.send({ kind: 'view', view });
  }

  drained(): void {
    for (const view of this.#held.values()) this.#channel.send({ kind: 'view', view });
    this.#held.clear();
  }
}
