import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A run of whole lines and what is needed to say later which of them changed. The last one may end in a torn line. */
export interface CastBlock {
  readonly bytes: number;
  /** Newlines in it. */
  readonly lines: number;
  /** Hex digest: whether the block is what it was. */
  readonly sha256: string;
  /** Hex, see `LineLocator`: which line is not, if it is one. */
  readonly locator: string;
}

const NEWLINE = 0x0a;
/** A block ends with the first line end past this many bytes, or after so many lines. */
const BLOCK_BYTES = 256 * 1024;
const LOCATOR_BITS = 12;
export const MAX_BLOCK_LINES = 2 ** LOCATOR_BITS;

/**
 * Names the one line of a block that changed, in 104 hex digits instead of a hash per line. Sum 0 is the XOR of all
 * line checksums; sum 1+i is the XOR of those whose number in the block has bit i set. If one line changed, sum 0
 * changed by some difference, and the sums that changed by the same spell the line's number in binary.
 */
export class LineLocator {
  readonly #sums: Uint32Array;

  constructor(sums: Uint32Array = new Uint32Array(1 + LOCATOR_BITS)) {
    this.#sums = sums;
  }

  copy(): LineLocator {
    return new LineLocator(this.#sums.slice());
  }

  /** `line` counts from 0 in the block. */
  add(line: number, checksum: number): void {
    for (const [index, sum] of this.#sums.entries()) {
      if (index === 0 || (line >> (index - 1)) & 1) this.#sums[index] = sum ^ checksum;
    }
  }

  toString(): string {
    return [...this.#sums].map(sum => sum.toString(16).padStart(8, '0')).join('');
  }
}

/** The line, from 0, by which two blocks of equally many lines differ; undefined when it is not exactly one. */
export function changedLine(before: CastBlock, after: CastBlock): number | undefined {
  if (before.lines !== after.lines || before.locator.length !== after.locator.length) return undefined;
  const sumsAfter = sumsOf(after.locator);
  const [difference = 0, ...bits] = sumsOf(before.locator).map(
    (sum, index) => (sum ^ (sumsAfter[index] ?? 0)) >>> 0,
  );
  if (difference === 0 || bits.some(bit => bit !== 0 && bit !== difference)) return undefined;
  const line = bits.reduce((number, bit, index) => number + (bit === 0 ? 0 : 2 ** index), 0);
  return line <= before.lines ? line : undefined;
}

/** Sums up one run of bytes, however long; holds none of them. */
export class BlockSum {
  readonly #hash: Hash = createHash('sha256');
  readonly #locator = new LineLocator();
  #bytes = 0;
  #lines = 0;
  #lineSum = 0;
  #lineBytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get lines(): number {
    return this.#lines;
  }

  push(chunk: Buffer): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#take(chunk.subarray(start, end + 1));
      this.#locator.add(this.#lines, this.#lineSum);
      this.#lines++;
      this.#lineSum = 0;
      this.#lineBytes = 0;
      start = end + 1;
    }
    this.#take(chunk.subarray(start));
  }

  /** The block so far; a torn last line counts in the locator, not in the lines. */
  block(): CastBlock {
    const locator = this.#locator.copy();
    if (this.#lineBytes > 0) locator.add(this.#lines, this.#lineSum);
    return {
      bytes: this.#bytes,
      lines: this.#lines,
      sha256: this.#hash.copy().digest('hex'),
      locator: locator.toString(),
    };
  }

  #take(piece: Buffer): void {
    this.#lineSum = crc32(piece, this.#lineSum);
    this.#lineBytes += piece.length;
  }
}

/** Cuts a cast into blocks as it streams by. */
export class CastBlocks {
  readonly #done: CastBlock[] = [];
  #open = new BlockSum();

  push(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const end = this.#endOfBlock(chunk, start);
      this.#open.push(chunk.subarray(start, end ?? chunk.length));
      if (end === undefined) return;
      this.#done.push(this.#open.block());
      this.#open = new BlockSum();
      start = end;
    }
  }

  /** All of it so far. */
  list(): readonly CastBlock[] {
    return this.#open.bytes === 0 ? this.#done.slice() : [...this.#done, this.#open.block()];
  }

  /** Where in the chunk the open block ends; undefined when it goes on beyond. */
  #endOfBlock(chunk: Buffer, start: number): number | undefined {
    let lines = this.#open.lines;
    for (let end = chunk.indexOf(NEWLINE, start); end !== -1; end = chunk.indexOf(NEWLINE, end + 1)) {
      lines++;
      const bytes = this.#open.bytes + end + 1 - start;
      if (bytes >= BLOCK_BYTES || lines === MAX_BLOCK_LINES) return end + 1;
    }
    return undefined;
  }
}

function sumsOf(locator: string): number[] {
  return Array.from({ length: 1 + LOCATOR_BITS }, (_, index) =>
    Number.parseInt(locator.slice(index * 8, index * 8 + 8), 16),
  );
}
