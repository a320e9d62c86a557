import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { CastBlocks } from './cast-blocks.ts';
import { CastCheck } from './cast-check.ts';
import { FILE_MODE, replaceFile, syncFolder, writeAll } from './durable-file.ts';
import { type Manifest, manifestOf, manifestText, type RecordingOrigin } from './manifest.ts';
import { newRecordingId, storedName, timeOfRecording } from './recording-id.ts';
import { type RecordingWriter, type StorageError, storageErrorOf } from './storage.ts';

export interface FolderWriterOptions {
  readonly origin: RecordingOrigin;
  readonly clock: Clock;
  /** Hears of the recording once cast and manifest are in place. */
  readonly filed: (manifest: Manifest) => void;
}

/**
 * One recording in a folder: `….cast.part` while it grows; then fdatasync, rename to `….cast`, manifest `….json`.
 * A crash between any two steps leaves a state that recovery knows.
 */
export class FolderWriter implements RecordingWriter {
  readonly id: string;
  readonly #folder: string;
  readonly #handle: FileHandle;
  readonly #options: FolderWriterOptions;
  readonly #hash = createHash('sha256');
  readonly #check = new CastCheck();
  readonly #blocks = new CastBlocks();
  #bytes = 0;
  #tail: Promise<void> = Promise.resolve();
  #fault: StorageError | undefined;
  #closed = false;
  #renamed = false;

  private constructor(folder: string, id: string, handle: FileHandle, options: FolderWriterOptions) {
    this.#folder = folder;
    this.id = id;
    this.#handle = handle;
    this.#options = options;
  }

  static async create(folder: string, options: FolderWriterOptions): Promise<FolderWriter> {
    const id = newRecordingId(options.clock.now());
    const handle = await open(join(folder, storedName(id, '.cast.part')), 'wx', FILE_MODE);
    return new FolderWriter(folder, id, handle, options);
  }

  async write(chunk: Buffer): Promise<void> {
    this.#tail = this.#tail.then(() => this.#append(chunk));
    await this.#tail;
    if (this.#fault !== undefined) throw this.#fault;
  }

  async finish(doubt?: () => string | undefined): Promise<Manifest> {
    await this.#tail;
    if (this.#fault !== undefined) throw this.#fault;
    try {
      await this.#handle.datasync();
      return await this.#publish(doubt?.());
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  async fail(reason: string): Promise<Manifest | undefined> {
    await this.#tail;
    try {
      if (this.#bytes === 0) return await this.#discard();
      const syncFault = this.#closed ? undefined : await this.#trySync();
      return await this.#publish(syncFault === undefined ? reason : `${reason}; not synced: ${syncFault}`);
    } catch (error) {
      throw storageErrorOf(error);
    } finally {
      await this.#close();
    }
  }

  /** Never rejects, so that the chain goes on; `#fault` is what the writers are told. */
  async #append(chunk: Buffer): Promise<void> {
    if (this.#fault !== undefined) return;
    try {
      await writeAll(this.#handle, chunk, this.#took);
    } catch (error) {
      this.#fault = storageErrorOf(error);
    }
  }

  readonly #took = (written: Buffer): void => {
    this.#bytes += written.length;
    this.#hash.update(written);
    this.#check.push(written);
    this.#blocks.push(written);
  };

  async #publish(cutReason: string | undefined): Promise<Manifest> {
    await this.#close();
    const file = storedName(this.id, '.cast');
    if (!this.#renamed) {
      await rename(join(this.#folder, storedName(this.id, '.cast.part')), join(this.#folder, file));
      this.#renamed = true;
    }
    const manifest = manifestOf({
      id: this.id,
      file,
      receivedAt: timeOfRecording(this.id),
      endedAt: new Date(this.#options.clock.now()),
      origin: this.#options.origin,
      // A copy: the digest can be taken once, and a failed `finish` is followed by `fail`.
      sha256: this.#hash.copy().digest('hex'),
      bytes: this.#bytes,
      report: this.#check.report(),
      blocks: this.#blocks.list(),
      cutReason,
    });
    const path = join(this.#folder, storedName(this.id, '.json'));
    await replaceFile(path, manifestText(manifest));
    this.#options.filed(manifest);
    return manifest;
  }

  async #discard(): Promise<undefined> {
    await this.#close();
    const path = join(this.#folder, storedName(this.id, this.#renamed ? '.cast' : '.cast.part'));
    await unlink(path);
    await syncFolder(dirname(path));
    return undefined;
  }

  async #trySync(): Promise<string | undefined> {
    try {
      await this.#handle.datasync();
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}
