import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf } from './storage.ts';

export interface FoundLine {
  /** Where the line begins in the file. */
  readonly offset: number;
  /** Without its newline. */
  readonly text: string;
}

const BLOCK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/**
 * The lines of a file that end at or before `end`, the last one first; none when there is no file. A torn last line
 * counts as a line. Holds one line and one block.
 */
export async function* linesBackwards(path: string, end: number | undefined): AsyncGenerator<FoundLine> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    let at = Math.min(end ?? size, size);
    let pieces: Buffer[] = [];
    while (at > 0) {
      const start = Math.max(0, at - BLOCK_BYTES);
      let block = await readBlock(handle, start, at - start);
      for (let cut = block.lastIndexOf(NEWLINE); cut !== -1; cut = block.lastIndexOf(NEWLINE)) {
        pieces.unshift(block.subarray(cut + 1));
        yield* lineOf(pieces, start + cut + 1);
        pieces = [];
        block = block.subarray(0, cut);
      }
      pieces.unshift(block);
      at = start;
    }
    yield* lineOf(pieces, 0);
  } finally {
    await handle.close();
  }
}

function* lineOf(pieces: readonly Buffer[], offset: number): Generator<FoundLine> {
  const text = Buffer.concat(pieces).toString('utf8');
  if (text !== '') yield { offset, text };
}

async function readBlock(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}
