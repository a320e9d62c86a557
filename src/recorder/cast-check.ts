import { isUtf8 } from 'node:buffer';
import { type CastHeader, parseCastHeader } from './cast-header.ts';

/** Bytes of one line without its newline. */
export interface CastCheckLimits {
  readonly maxHeaderBytes: number;
  readonly maxLineBytes: number;
}

export const DEFAULT_CAST_CHECK_LIMITS: CastCheckLimits = {
  maxHeaderBytes: 64 * 1024,
  maxLineBytes: 8 * 1024 * 1024,
};

export interface CastReport {
  readonly header: CastHeader | undefined;
  /** Whole lines after the header, valid or not. */
  readonly events: number;
  /** Time of the last valid event, seconds. */
  readonly durationSeconds: number;
  /** The first line that is not asciicast v2; lines count from 1. */
  readonly problem: { readonly line: number; readonly message: string } | undefined;
  /** Bytes after the last newline: the last line is whole when this is 0. */
  readonly tornBytes: number;
}

const NEWLINE = 0x0a;
const MIN_BLOCK_BYTES = 256;
/** A block that one long line made larger than this is given back, since idle sessions live for hours. */
const KEPT_BLOCK_BYTES = 64 * 1024;

/**
 * Reads an asciicast v2 as it streams by and says at the end whether it was one. Never throws, alters nothing, and
 * holds at most one unfinished line. After the first bad line it only counts.
 */
export class CastCheck {
  readonly #limits: CastCheckLimits;
  readonly #carry: LineCarry = new LineCarry();
  #lines = 0;
  #tornBytes = 0;
  #header: CastHeader | undefined;
  #durationSeconds = 0;
  #problem: CastReport['problem'];

  constructor(limits: CastCheckLimits = DEFAULT_CAST_CHECK_LIMITS) {
    this.#limits = limits;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#take(chunk.subarray(start, end));
      if (this.#problem === undefined) this.#checkLine(this.#carry.take());
      this.#lines++;
      this.#tornBytes = 0;
      start = end + 1;
    }
    this.#take(chunk.subarray(start));
  }

  report(): CastReport {
    return {
      header: this.#header,
      events: Math.max(0, this.#lines - 1),
      durationSeconds: this.#durationSeconds,
      problem: this.#problem,
      tornBytes: this.#tornBytes,
    };
  }

  #take(piece: Buffer): void {
    this.#tornBytes += piece.length;
    if (this.#problem !== undefined) return;
    const bound = this.#lines === 0 ? this.#limits.maxHeaderBytes : this.#limits.maxLineBytes;
    if (this.#tornBytes > bound) this.#fail(`longer than ${bound} bytes`);
    else this.#carry.add(piece);
  }

  #checkLine(line: Buffer): void {
    if (!isUtf8(line)) this.#fail('not UTF-8');
    else if (this.#lines === 0) this.#checkHeader(line.toString('utf8'));
    else this.#checkEvent(line.toString('utf8'));
  }

  #checkHeader(text: string): void {
    const header = parseCastHeader(text);
    if (typeof header === 'string') this.#fail(header);
    else this.#header = header;
  }

  #checkEvent(text: string): void {
    const time = timeOfEvent(text);
    if (time === undefined) this.#fail('not a [time, code, text] event');
    else this.#durationSeconds = time;
  }

  #fail(message: string): void {
    this.#problem = { line: this.#lines + 1, message };
    this.#carry.drop();
  }
}

/** Why the text is not a whole asciicast, in words for a manifest; undefined when it is one. */
export function castFault(report: CastReport): string | undefined {
  const faults: string[] = [];
  if (report.problem !== undefined) faults.push(`line ${report.problem.line}: ${report.problem.message}`);
  else if (report.header === undefined) faults.push('no whole header line');
  if (report.tornBytes > 0)
    faults.push(`the last line is torn (${report.tornBytes} bytes without a newline)`);
  return faults.length === 0 ? undefined : faults.join('; ');
}

function timeOfEvent(text: string): number | undefined {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(event) || event.length !== 3) return undefined;
  const [time, code, data]: unknown[] = event;
  if (typeof time !== 'number' || !Number.isFinite(time) || time < 0) return undefined;
  return typeof code === 'string' && typeof data === 'string' ? time : undefined;
}

/**
 * The bytes of an unfinished line. They are copied into one growing block: a list of the pieces would cost a hundred
 * bytes for each, and a peer may send a line one byte at a time.
 */
class LineCarry {
  #block: Buffer = Buffer.alloc(0);
  #length = 0;

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    const wanted = this.#length + piece.length;
    if (wanted > this.#block.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(MIN_BLOCK_BYTES, wanted * 2));
      this.#block.copy(larger, 0, 0, this.#length);
      this.#block = larger;
    }
    piece.copy(this.#block, this.#length);
    this.#length = wanted;
  }

  /** The line is a view that the next `add` overwrites. */
  take(): Buffer {
    const line = this.#block.subarray(0, this.#length);
    this.#length = 0;
    if (this.#block.length > KEPT_BLOCK_BYTES) this.#block = Buffer.alloc(0);
    return line;
  }

  drop(): void {
    this.#block = Buffer.alloc(0);
    this.#length = 0;
  }
}
