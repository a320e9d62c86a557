/** Where in the session a line comes from. */
export interface TailMark {
  /** Since the session's start. */
  readonly seconds: number;
  /** What the command had written before it. Bytes. */
  readonly written: number;
}

/** One line of a part of a cast, and where it stands there. Bytes. */
export interface TailLine extends TailMark {
  readonly start: number;
  readonly bytes: Buffer;
}

/**
 * The lines of one part that its recorder has not confirmed: what another recorder must be given when this one is lost.
 * Lines are kept whole, since an ack may fall inside one. No copies: the buffers are those that were sent.
 */
export class Tail {
  #lines: (TailLine | undefined)[] = [];
  #first = 0;
  #end = 0;

  push(bytes: Buffer, { seconds, written }: TailMark): void {
    this.#lines.push({ start: this.#end, bytes, seconds, written });
    this.#end += bytes.length;
  }

  /** Lets go of the lines that lie wholly before `confirmed` bytes. */
  confirm(confirmed: number): void {
    for (let line = this.#lines[this.#first]; line !== undefined; line = this.#lines[this.#first]) {
      if (line.start + line.bytes.length > confirmed) break;
      // Gone at once: a thousand confirmed lines can be 64 MiB.
      this.#lines[this.#first] = undefined;
      this.#first++;
    }
    // Shifting each line off would move the rest each time; this moves them once in a while.
    if (this.#first > 1024 && this.#first * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The first kept line's place in the session. */
  get first(): TailMark | undefined {
    return this.#lines[this.#first];
  }

  /** Bytes of the part that stand without the kept lines: the place where another part goes on. */
  get offset(): number {
    return this.#lines[this.#first]?.start ?? this.#end;
  }

  /** The kept lines in order; the tail is empty afterwards and counts a new part from 0. */
  take(): TailLine[] {
    const kept = this.#lines.slice(this.#first).filter(line => line !== undefined);
    this.#lines = [];
    this.#first = 0;
    this.#end = 0;
    return kept;
  }
}
