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
  /** What is on the screen before it does not matter: there is nothing, or it is cleared. */
  readonly fresh: boolean;
}

/** A cast up to this size is one window. Bytes. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
/** How far before the moment that was asked for a cleared screen is looked for. Bytes. */
const LOOK_BACK_BYTES = 512 * 1024;
/** Without one, played unseen before the moment, so that the screen has something on it. Bytes. */
const WARM_BYTES = 256 * 1024;
/** Read at once while the moment is looked for. Bytes. */
const PROBE_BYTES = 16 * 1024;
/** A line longer than this is no line of a terminal. Bytes. */
const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;
/** As JSON has it: ED 2, or ED 0 right after CUP; RIS; the alternate screen (ECMA-48 8.3.39; xterm's 1049). */
const CLEARS = /\\u001b(?:\[2J|\[H\\u001b\[0?J|c|\[\?(?:1049|1047|47)h)/i;
const RESIZES = /^\s*\[[^,]*,\s*"r"\s*,/;

interface Beginning {
  /** Of a line, where `fresh`; else anywhere. */
  readonly from: number;
  readonly fresh: boolean;
  /** The last change of size that was seen before it. */
  readonly resized?: string;
}

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
    if (this.#source.bytes - start <= WINDOW_BYTES) return this.#window({ from: start, fresh: true }, signal);
    const moment = await this.#find(seconds, start, signal);
    return this.#window(await this.#beginning(moment, start, signal), signal);
  }

  /** Where to begin so that the screen is right at the moment, or as nearly as can be had for one read. */
  async #beginning(moment: number, start: number, signal: AbortSignal): Promise<Beginning> {
    const from = Math.max(start, moment - LOOK_BACK_BYTES);
    const bytes = await this.#source.read(from, moment - from, signal);
    const first = from === start ? 0 : bytes.indexOf(NEWLINE) + 1;
    const lines = linesIn(bytes, first);
    const cleared = lines.findLast(({ line }) => CLEARS.test(line));
    if (cleared === undefined && from === start) return { from: start, fresh: true };
    const begin = cleared === undefined ? Math.max(start, moment - WARM_BYTES) : from + cleared.at;
    const resized = lines.findLast(({ at, line }) => from + at < begin && RESIZES.test(line))?.line;
    return { from: begin, fresh: cleared !== undefined, ...(resized === undefined ? {} : { resized }) };
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
  async #window({ from, fresh, resized }: Beginning, signal: AbortSignal): Promise<CastWindow> {
    const header = this.#header;
    if (header === undefined) throw new Error('it has no header');
    const bytes = await this.#source.read(from, WINDOW_BYTES, signal);
    const last = from + bytes.length >= this.#source.bytes;
    const first = from === header.bytes || fresh ? 0 : bytes.indexOf(NEWLINE) + 1;
    const end = last ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    if (end <= first && !last) throw new Error('a line of it is longer than what is read at once');
    const lines = textOf(bytes.subarray(first, end))
      .split('\n')
      .filter(line => secondsOf(line) !== undefined);
    const fromSeconds = from === header.bytes ? 0 : (secondsOf(lines[0] ?? '') ?? 0);
    const sized = resized === undefined ? [] : [shifted(resized, secondsOf(resized) ?? 0)];
    return {
      data: [header.line, ...sized, ...lines.map(line => shifted(line, fromSeconds)), ''].join('\n'),
      fromSeconds,
      toSeconds: secondsOf(lines.at(-1) ?? '') ?? fromSeconds,
      last,
      fresh,
    };
  }
}

/** The time of an event line; undefined: it is none. */
export function secondsOf(line: string): number | undefined {
  const match = /^\s*\[\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*,/.exec(line);
  return match === null ? undefined : Number(match[1]);
}

/** Those that end here, with the place of each. */
function linesIn(bytes: Uint8Array, first: number): { at: number; line: string }[] {
  const lines: { at: number; line: string }[] = [];
  for (let at = first, end = bytes.indexOf(NEWLINE, at); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
    lines.push({ at, line: textOf(bytes.subarray(at, end)) });
    at = end + 1;
  }
  return lines;
}

function shifted(line: string, bySeconds: number): string {
  if (bySeconds === 0) return line;
  const comma = line.indexOf(',');
  return `[${Math.max(0, (secondsOf(line) ?? 0) - bySeconds).toFixed(6)}${line.slice(comma)}`;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
