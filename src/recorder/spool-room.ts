import type { Manifest } from './manifest.ts';
import { type RecordingWriter, StorageError } from './storage.ts';

/** How many bytes wait in the spool, those still being written included. */
export class SpoolRoom {
  readonly #maxBytes: number;
  /** Below this a new recording is taken; what is above is for those already running. */
  readonly #openBelowBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number, reserveBytes: number) {
    this.#maxBytes = maxBytes;
    this.#openBelowBytes = Math.max(0, maxBytes - reserveBytes);
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Throws a StorageError of kind 'full'. */
  admit(): void {
    if (this.#usedBytes < this.#openBelowBytes) return;
    throw new StorageError('full', `${this.#usedBytes} bytes wait in the spool`);
  }

  /** What is there already; it counts whatever the bound. */
  found(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Throws a StorageError of kind 'full' when the bytes do not fit. */
  take(bytes: number): void {
    if (this.#usedBytes + bytes > this.#maxBytes) {
      throw new StorageError('full', `the spool holds ${this.#usedBytes} of ${this.#maxBytes} bytes`);
    }
    this.#usedBytes += bytes;
  }

  free(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

/** A writer whose bytes count, and which says when its recording is ready to go on. */
export class SpoolWriter implements RecordingWriter {
  readonly id: string;
  readonly #writer: RecordingWriter;
  readonly #room: SpoolRoom;
  readonly #filed: (manifest: Manifest) => void;
  #takenBytes = 0;

  constructor(writer: RecordingWriter, room: SpoolRoom, filed: (manifest: Manifest) => void) {
    this.id = writer.id;
    this.#writer = writer;
    this.#room = room;
    this.#filed = filed;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#room.take(chunk.length);
    this.#takenBytes += chunk.length;
    await this.#writer.write(chunk);
  }

  async finish(doubt?: () => string | undefined): Promise<Manifest> {
    const manifest = await this.#writer.finish(doubt);
    this.#end(manifest);
    return manifest;
  }

  async fail(reason: string): Promise<Manifest | undefined> {
    const manifest = await this.#writer.fail(reason);
    this.#end(manifest);
    return manifest;
  }

  /** A failed write may have left less than was taken. */
  #end(manifest: Manifest | undefined): void {
    this.#room.free(this.#takenBytes);
    this.#takenBytes = 0;
    if (manifest === undefined) return;
    this.#room.found(manifest.bytes);
    this.#filed(manifest);
  }
}
