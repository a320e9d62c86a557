/** What a container has written, up to the next line feed or the end of a read. */
export interface LogEntry {
  /** Counts up from 0 without gaps. */
  readonly sequence: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly bytes: Buffer;
  /** False where the entry continues the line before it. */
  readonly startsLine: boolean;
}

const LINE_FEED = 0x0a;
/** Older entries are dropped beyond this. */
export const MAX_LOG_BYTES = 1_024 * 1_024;

/** The last part of a container's output, and news of more. */
export class LogRing {
  readonly #maxBytes: number;
  readonly #listeners = new Set<() => void>();
  #entries: LogEntry[] = [];
  #bytes = 0;
  #next = 0;
  #startsLine = true;
  #ended = false;

  constructor(maxBytes: number = MAX_LOG_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  append(bytes: Buffer, at: number): void {
    for (let start = 0; start < bytes.length; ) {
      const feed = bytes.indexOf(LINE_FEED, start);
      const end = feed < 0 ? bytes.length : feed + 1;
      this.#entries.push({
        sequence: this.#next,
        at,
        bytes: Buffer.from(bytes.subarray(start, end)),
        startsLine: this.#startsLine,
      });
      this.#next += 1;
      this.#startsLine = feed >= 0;
      this.#bytes += end - start;
      start = end;
    }
    this.#trim();
    this.#tell();
  }

  /** No more will come. */
  end(): void {
    this.#ended = true;
    this.#tell();
  }

  /** Entries from `sequence` on that are still kept. */
  from(sequence: number): readonly LogEntry[] {
    const first = this.#entries[0]?.sequence ?? this.#next;
    return this.#entries.slice(Math.max(0, sequence - first));
  }

  /** Sequence at which the last `lines` lines begin. */
  tailStart(lines: number): number {
    let left = lines;
    if (left <= 0) return this.#next;
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const entry = this.#entries[index];
      if (entry?.startsLine !== true) continue;
      left -= 1;
      if (left === 0) return entry.sequence;
    }
    return 0;
  }

  /** Calls back on every append and at the end; the returned function stops that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #trim(): void {
    let drop = 0;
    while (this.#bytes > this.#maxBytes && drop < this.#entries.length - 1) {
      this.#bytes -= this.#entries[drop]?.bytes.length ?? 0;
      drop += 1;
    }
    if (drop > 0) this.#entries = this.#entries.slice(drop);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
