import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { BlockSum, type CastBlock, changedLine } from './cast-blocks.ts';
import { CastCheck, castFault } from './cast-check.ts';
import type { Manifest } from './manifest.ts';

/**
 * Compares a cast, as it is stored, with its manifest. The answers are sentences without the file's name; none when all
 * is as it was recorded. Lines count from 1, the header being the first.
 */
export async function verifyCast(manifest: Manifest, cast: Readable): Promise<readonly string[]> {
  const hash = createHash('sha256');
  const check = new CastCheck();
  const blocks = new BlockCompare(manifest.blocks ?? []);
  let bytes = 0;
  for await (const chunk of cast) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a read without an encoding gave no bytes');
    hash.update(chunk);
    check.push(chunk);
    blocks.push(chunk);
    bytes += chunk.length;
  }
  const report = check.report();
  const problems: string[] = [];
  if (bytes !== manifest.bytes) problems.push(`${bytes} bytes long, ${manifest.bytes} were recorded`);
  if (hash.digest('hex') !== manifest.sha256) {
    const where = blocks.end(report.problem?.line);
    problems.push(...(where.length > 0 ? where : ['not the bytes that were recorded']));
  }
  const fault = castFault(report);
  if (manifest.complete && fault !== undefined) problems.push(`not a whole cast: ${fault}`);
  return problems;
}

interface Difference {
  readonly firstLine: number;
  readonly before: CastBlock;
  readonly after: CastBlock;
}

/** Sums up the file in runs of the lengths that the manifest names. */
class BlockCompare {
  readonly #expected: readonly CastBlock[];
  readonly #different: Difference[] = [];
  #at = 0;
  #firstLine = 1;
  #sum = new BlockSum();

  constructor(expected: readonly CastBlock[]) {
    this.#expected = expected;
  }

  push(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0; ) {
      const expected = this.#expected[this.#at];
      if (expected === undefined) return;
      const piece = rest.subarray(0, expected.bytes - this.#sum.bytes);
      this.#sum.push(piece);
      rest = rest.subarray(piece.length);
      if (this.#sum.bytes === expected.bytes) this.#next(expected);
    }
  }

  /** `badLine` is where the text stops being a cast: it decides when the sums alone cannot. */
  end(badLine: number | undefined): string[] {
    const cut = this.#expected[this.#at];
    if (cut !== undefined) this.#next(cut);
    return this.#different.map(({ firstLine, before, after }) => {
      const lastLine = firstLine + Math.max(before.lines, after.lines, 1) - 1;
      const changed = changedLine(before, after);
      if (changed !== undefined) return `line ${firstLine + changed} is not what was recorded`;
      if (badLine !== undefined && badLine >= firstLine && badLine <= lastLine + 1) {
        return `line ${badLine} is not what was recorded`;
      }
      return `lines ${firstLine} to ${lastLine} are not all what was recorded`;
    });
  }

  #next(before: CastBlock): void {
    const after = this.#sum.block();
    if (after.sha256 !== before.sha256) {
      this.#different.push({ firstLine: this.#firstLine, before, after });
    }
    this.#firstLine += before.lines;
    this.#at++;
    this.#sum = new BlockSum();
  }
}
