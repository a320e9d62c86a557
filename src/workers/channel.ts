/** The part of a process at the other end of a channel that is used; that of Node, or a fake. */
export interface Peer {
  /** False: what was said before is still on its way, and what can wait should. `done`: this is out of our hands. */
  send(message: object, done: (error: Error | null) => void): boolean;
}

/** Messages under way to one peer. Past it the peer does not listen any more. */
export const MAX_PENDING = 10_000;

/** Says things to a peer in order, and knows how much of it is still on its way. */
export class Channel<Message extends object> {
  readonly #peer: Peer;
  readonly #drained: () => void;
  #pending = 0;
  #congested = false;
  #closed = false;

  /** `drained`: what could wait may be said now. */
  constructor(peer: Peer, drained: () => void = () => {}) {
    this.#peer = peer;
    this.#drained = drained;
  }

  /** More would be one too many. */
  get full(): boolean {
    return this.#pending >= MAX_PENDING;
  }

  /** What can wait should, until `drained`. */
  get congested(): boolean {
    return this.#congested;
  }

  /** False from here on until `drained`, or for good when the peer is gone. */
  send(message: Message): boolean {
    if (this.#closed) return false;
    this.#pending++;
    const flows = this.#peer.send(message, error => {
      this.#pending--;
      // A peer that is gone is told by its end; nothing more can reach it.
      if (error !== null) this.#closed = true;
      if (this.#pending > 0 || !this.#congested) return;
      this.#congested = false;
      if (!this.#closed) this.#drained();
    });
    if (!flows) this.#congested = true;
    return flows;
  }

  close(): void {
    this.#closed = true;
  }
}
