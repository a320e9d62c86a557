const EMPTY: Buffer = Buffer.alloc(0);

/**
 * One direction's bytes from the first one that is not accepted yet: what earlier pushes held back, then the chunk.
 * Since only the head of one frame is ever held, the accepted part of a push is at most two buffers:
 *
 *     held ┊ chunk
 *     ═════┊══════════════╪───────────
 *          accepted       at   held for the next push
 */
export class Window {
  #held = EMPTY;
  #heldLength = 0;
  #chunk = EMPTY;
  #at = 0;
  #before = 0;
  #accepted: Buffer[] = [];

  open(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#accepted = [];
  }

  /** Where the window begins, in bytes of this direction. */
  get offset(): number {
    return this.#before + this.#at - this.#heldLength;
  }

  has(length: number): boolean {
    return this.#heldLength + this.#chunk.length - this.#at >= length;
  }

  /** Ask `has` first. */
  byte(index: number): number {
    const value =
      index < this.#heldLength ? this.#held[index] : this.#chunk[this.#at + index - this.#heldLength];
    return value ?? 0;
  }

  uint16(index: number): number {
    return (this.byte(index) << 8) | this.byte(index + 1);
  }

  uint32(index: number): number {
    return ((this.uint16(index) << 16) | this.uint16(index + 2)) >>> 0;
  }

  /** The bytes in one piece; a view unless a part of them was held. */
  bytes(from: number, length: number): Buffer {
    const start = this.#at + from - this.#heldLength;
    if (start >= this.#at) return this.#chunk.subarray(start, start + length);
    return Buffer.concat([
      this.#held.subarray(from, this.#heldLength),
      this.#chunk.subarray(0, start + length),
    ]);
  }

  /** Accepts a head of this length, with what was held of it. */
  take(length: number): void {
    if (this.#heldLength > 0) this.#accepted.push(this.#held.subarray(0, this.#heldLength));
    this.#at += length - this.#heldLength;
    this.#held = EMPTY;
    this.#heldLength = 0;
  }

  /** A view of up to `max` bytes of payload, not accepted yet. Only after `take`. */
  ahead(max: number): Buffer {
    return this.#chunk.subarray(this.#at, this.#at + max);
  }

  /** Accepts up to `max` bytes of payload and says how many. Only after `take`. */
  pass(max: number): number {
    const length = Math.min(max, this.#chunk.length - this.#at);
    this.#at += length;
    return length;
  }

  /** Gives back what was accepted. `rest`: whether the bytes after it are kept for the next push. */
  close(rest: 'hold' | 'drop'): readonly Buffer[] {
    const chunk = this.#chunk;
    const accepted = this.#accepted;
    if (this.#at > 0) accepted.push(this.#at === chunk.length ? chunk : chunk.subarray(0, this.#at));
    if (rest === 'hold') this.#hold(chunk.subarray(this.#at));
    else this.#drop();
    this.#before += chunk.length;
    this.#chunk = EMPTY;
    this.#at = 0;
    this.#accepted = [];
    return accepted;
  }

  #hold(rest: Buffer): void {
    const length = this.#heldLength + rest.length;
    if (length > this.#held.length) {
      // Doubling, so that a head that comes byte by byte is not copied anew each time.
      const grown = Buffer.alloc(2 * length);
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    rest.copy(this.#held, this.#heldLength);
    this.#heldLength = length;
  }

  #drop(): void {
    this.#held = EMPTY;
    this.#heldLength = 0;
  }
}
