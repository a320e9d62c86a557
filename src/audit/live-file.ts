import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ChainEnd } from './chain.ts';
import { isTorn, NO_HASH, readLine, sha256 } from './chain.ts';
import { rotatedSegments, segmentName } from './segments.ts';

/** A record is far smaller (redact.ts); a longer last line is not ours. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** An existing file that is no audit: it is never appended to. */
export class ForeignFileError extends Error {}

/** The file that records are appended to, and where its chain ends. Every method may throw what the disk says. */
export class LiveFile {
  readonly #file: string;
  #fd: number;
  #size: number;
  #end: ChainEnd;
  #torn: string | undefined;

  /** Opens or makes it, and ends a torn last line. `replica`: a name for a chain that begins here. */
  constructor(file: string, replica: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
    const existed = existsSync(file);
    this.#fd = openSync(file, 'a+', 0o600);
    try {
      if (!existed) syncFolder(file);
      this.#size = fstatSync(this.#fd).size;
      const { last, torn, unended } = readTail(this.#fd, this.#size);
      this.#end = last === undefined ? startOf(file, replica) : endOf(last, file);
      if (unended) this.#size += writeSync(this.#fd, '\n');
      this.#torn = torn.length === 0 ? undefined : sha256(torn.join('\n'));
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  get end(): ChainEnd {
    return this.#end;
  }

  get size(): number {
    return this.#size;
  }

  /** SHA-256 of the torn lines at the end, joined by newlines; until the next record has vouched for them. */
  get torn(): string | undefined {
    return this.#torn;
  }

  append(line: string, end: ChainEnd): void {
    const bytes = Buffer.from(`${line}\n`);
    const written = writeSync(this.#fd, bytes);
    this.#size += written;
    if (written < bytes.length) throw new Error(`the disk took ${written} of ${bytes.length} bytes`);
    this.#end = end;
    this.#torn = undefined;
  }

  sync(): void {
    fdatasyncSync(this.#fd);
  }

  /** The same without waiting. `done` is called with what the disk says, once. */
  syncLater(done: (error: unknown) => void): void {
    const fd = this.#fd;
    // Put aside meanwhile, the file was synced then; closed, nobody asks any more.
    fdatasync(fd, error => done(fd === this.#fd ? error : null));
  }

  /** Puts the file aside and begins an empty one; the chain goes on in it. */
  rotate(): void {
    fdatasyncSync(this.#fd);
    renameSync(this.#file, segmentName(this.#file, this.#end.seq));
    const next = openSync(this.#file, 'ax+', 0o600);
    syncFolder(this.#file);
    closeSync(this.#fd);
    this.#fd = next;
    this.#size = 0;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A rename or a new file is on disk once its folder is (fsync(2)). */
function syncFolder(file: string): void {
  const fd = openSync(dirname(file), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** An empty file goes on where the newest rotated one ends; without one, a chain begins. */
function startOf(file: string, replica: string): ChainEnd {
  const newest = rotatedSegments(file).at(-1);
  if (newest === undefined) {
    return { replica: `${replica}-${randomBytes(4).toString('hex')}`, seq: 0, hash: NO_HASH, id: '' };
  }
  const fd = openSync(newest, 'r');
  try {
    const { last } = readTail(fd, fstatSync(fd).size);
    return endOf(last ?? '', newest);
  } finally {
    closeSync(fd);
  }
}

interface Tail {
  /** The last line that is a record. */
  readonly last: string | undefined;
  /** What crashes left after it. */
  readonly torn: readonly string[];
  /** The very last line has no newline. */
  readonly unended: boolean;
}

function readTail(fd: number, size: number): Tail {
  const tail = Buffer.alloc(Math.min(size, MAX_LINE_BYTES));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  const lines = tail.toString('utf8').split('\n');
  const unended = lines.at(-1) !== '';
  if (!unended) lines.pop();
  const torn: string[] = [];
  for (let last = lines.pop(); last !== undefined; last = lines.pop()) {
    if (readLine(last) !== undefined || !isTorn(last)) return { last, torn, unended };
    torn.unshift(last);
  }
  return { last: undefined, torn, unended };
}

function endOf(line: string, file: string): ChainEnd {
  const read = readLine(line);
  if (read === undefined) {
    throw new ForeignFileError(
      `${file}: the last line is not an audit record; move the file away to start a new chain`,
    );
  }
  const { replica, seq, hash, id } = read.record;
  return { replica, seq, hash, id };
}
