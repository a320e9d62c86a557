/** Bytes of a cast, as a server gives them in parts. */
export interface CastBytes {
  readonly bytes: number;
  /** Resolves to what lies there; shorter only at the end. */
  read(first: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** A run of whole lines of a cast, as a cast of its own whose clock starts at 0. */
export interface CastWindow {
  readonly data: string;
  /** Seconds on the clock of the whole cast: where this one starts, and its last event. */
  readonly fromSeconds: number;
  readonly toSeconds: number;
  /** Nothing comes after it. */
  readonly last: boolean;
}

/** A cast up to this size is one window. Bytes. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
/** Played unseen before the moment that was asked for, so that the screen has something on it. Bytes. */
const WARM_BYTES = 256 * 1024;
/** Read at once while the moment is looked for. Bytes. */
const PROBE_BYTES = 16 * 1024;
/** A line longer than this is no line of a terminal. Bytes. */
const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Plays a cast of any size in windows. Lines are in the order of time, so the moment is found by halving: a gigabyte takes
 * some twenty reads of 16 KiB, and no index.
 */
export class CastWindows {
  readonly #source: CastBytes;
  #header: { readonly line: string; readonly bytes: number } | undefined;

  constructor(source: CastBytes) {
    this.#source = source;
  }

  /** The window in which the cast is at that moment. Rejects when it is no cast. */
  async at(seconds: number, signal: AbortSignal): Promise<CastWindow> {
    this.#header ??= await this.#readHeader(signal);
    const start = this.#header.bytes;
    if (this.#source.bytes - start <= WINDOW_BYTES) return this.#window(start, signal);
    const moment = await this.#find(seconds, start, signal);
    return this.#window(Math.max(start, moment - WARM_BYTES), signal);
  }

  async #readHeader(signal: AbortSignal): Promise<{ line: string; bytes: number }> {
    const bytes = await this.#source.read(0, MAX_LINE_BYTES, signal);
    const end = bytes.indexOf(NEWLINE);
    const line = textOf(bytes.subarray(0, Math.max(0, end)));
    if (!line.startsWith('{')) throw new Error('it has no header');
    return { line, bytes: end + 1 };
  }

  /** Start of the last line that is not after the moment; the first line's when all are. */
  async #find(seconds: number, start: number, signal: AbortSignal): Promise<number> {
    let [low, high] = [start, this.#source.bytes];
    while (high - low > PROBE_BYTES) {
      const middle = Math.floor((low + high) / 2);
      const line = await this.#lineAfter(middle, high, signal);
      if (line === undefined || line.seconds > seconds) high = middle;
      else low = line.first;
    }
    return low;
  }

  /** The first whole line that begins after `from`; undefined when none begins before `end`. */
  async #lineAfter(
    from: number,
    end: number,
    signal: AbortSignal,
  ): Promise<{ first: number; seconds: number } | undefined> {
    for (let length = PROBE_BYTES; ; length *= 4) {
      const bytes = await this.#source.read(from, Math.min(length, MAX_LINE_BYTES), signal);
      const first = bytes.indexOf(NEWLINE) + 1;
      // The time stands at the beginning of the line; the rest of it need not be here.
      const seconds = first === 0 ? undefined : secondsOf(textOf(bytes.subarray(first, first + 64)));
      if (seconds !== undefined) return from + first < end ? { first: from + first, seconds } : undefined;
      if (length >= MAX_LINE_BYTES || from + bytes.length >= end) return undefined;
    }
  }

  /** Whole lines from the first that begins at `from` or after it. */
  async #window(from: number, signal: AbortSignal): Promise<CastWindow> {
    const header = this.#header;
    if (header === undefined) throw new Error('it has no header');
    const bytes = await this.#source.read(from, WINDOW_BYTES, signal);
    const last = from + bytes.length >= this.#source.bytes;
    const first = from === header.bytes ? 0 : bytes.indexOf(NEWLINE) + 1;
    const end = last ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    if (end <= first && !last) throw new Error('a line of it is longer than what is read at once');
    const lines = textOf(bytes.subarray(first, end))
      .split('\n')
      .filter(line => secondsOf(line) !== undefined);
    const fromSeconds = from === header.bytes ? 0 : (secondsOf(lines[0] ?? '') ?? 0);
    return {
      data: [header.line, ...lines.map(line => shifted(line, fromSeconds)), ''].join('\n'),
      fromSeconds,
      toSeconds: secondsOf(lines.at(-1) ?? '') ?? fromSeconds,
      last,
    };
  }
}

/** The time of an event line; undefined: it is none. */
export function secondsOf(line: string): number | undefined {
  const match = /^\s*\[\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*,/.exec(line);
  return match === null ? undefined : Number(match[1]);
}

function shifted(line: string, bySeconds: number): string {
  if (bySeconds === 0) return line;
  const comma = line.indexOf(',');
  return `[${Math.max(0, (secondsOf(line) ?? 0) - bySeconds).toFixed(6)}${line.slice(comma)}`;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
