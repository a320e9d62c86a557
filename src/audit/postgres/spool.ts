import type { FileHandle } from 'node:fs/promises';
import { open, stat, unlink } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { lastSeqOf, rotatedSegments } from '../segments.ts';
import type { RecordRow } from './database.ts';
import { rowOfLine } from './rows.ts';

/** Read at once. Bytes. */
const CHUNK_BYTES = 256 * 1024;

/** Goes through a spool once, from the oldest record in it and over its rotations. */
export class SpoolReader {
  readonly #file: string;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #seq = 0;
  #handle: FileHandle | undefined;
  #position = 0;
  #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** The next rows, at most a chunk of them; none when all has been read that there is. */
  async next(): Promise<readonly RecordRow[]> {
    for (;;) {
      this.#handle ??= await this.#openNext();
      // Asked for before the read: what was appended before the rotation is read then.
      const rotated = await this.#isRotated(this.#handle);
      const { bytesRead } = await this.#handle.read(this.#chunk, 0, CHUNK_BYTES, this.#position);
      this.#position += bytesRead;
      if (bytesRead === 0) {
        if (!rotated) return [];
        await this.close();
        continue;
      }
      const rows = this.#take(bytesRead);
      if (rows.length > 0) return rows;
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
    this.#position = 0;
    this.#rest = '';
    this.#decoder = new StringDecoder('utf8');
  }

  #take(bytes: number): RecordRow[] {
    const lines = (this.#rest + this.#decoder.write(this.#chunk.subarray(0, bytes))).split('\n');
    this.#rest = lines.pop() ?? '';
    const rows = lines.flatMap(line => rowOfLine(line) ?? []);
    this.#seq = Number(rows.at(-1)?.seq ?? this.#seq);
    return rows;
  }

  #openNext(): Promise<FileHandle> {
    const file = rotatedSegments(this.#file).find(segment => lastSeqOf(segment) > this.#seq);
    return open(file ?? this.#file, 'r');
  }

  async #isRotated(handle: FileHandle): Promise<boolean> {
    const [ours, live] = await Promise.all([handle.stat(), stat(this.#file).catch(() => undefined)]);
    return live !== undefined && live.ino !== ours.ino;
  }
}

/** Deletes rotated files of which the database has everything. */
export async function dropSent(file: string, sentSeq: number): Promise<void> {
  for (const segment of rotatedSegments(file)) {
    if (lastSeqOf(segment) <= sentSeq) await unlink(segment);
  }
}
