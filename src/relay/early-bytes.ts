import type { Duplex } from 'node:stream';

/**
 * What a client may send before upstream has answered; past it the socket is paused, not buffered. No known client sends
 * anything so early. One that goes past the bound and leaves is missed only when the waits for others are over.
 */
const MAX_EARLY_BYTES = 256 * 1024;

/**
 * Keeps what a client sends before its session is joined, and notices that it leaves. The reading itself is what makes
 * a FIN visible: a paused socket tells nothing.
 */
export class EarlyBytes {
  readonly #socket: Duplex;
  readonly #left: () => void;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #watching = true;

  constructor(socket: Duplex, head: Buffer, left: () => void) {
    this.#socket = socket;
    this.#left = left;
    if (head.length > 0) this.#keep(head);
    socket.on('data', this.#keep);
    socket.on('end', this.#onGone);
    socket.on('close', this.#onGone);
    if (this.#length < MAX_EARLY_BYTES) socket.resume();
  }

  /** Stops watching and hands the bytes over; the socket is left paused. */
  take(): readonly Buffer[] {
    this.release();
    this.#socket.pause();
    return this.#chunks;
  }

  /** Stops watching. Idempotent. */
  release(): void {
    if (!this.#watching) return;
    this.#watching = false;
    this.#socket.off('data', this.#keep);
    this.#socket.off('end', this.#onGone);
    this.#socket.off('close', this.#onGone);
  }

  readonly #keep = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= MAX_EARLY_BYTES) this.#socket.pause();
  };

  readonly #onGone = (): void => {
    if (!this.#watching) return;
    this.release();
    this.#left();
  };
}
