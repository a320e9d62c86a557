import { mkdir, open, readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '../clock.ts';
import { FOLDER_MODE } from './durable-file.ts';
import { EventLog } from './event-log.ts';
import { recoverFolder } from './folder-recovery.ts';
import { FolderWriter } from './folder-writer.ts';
import type { RecorderLog } from './log.ts';
import { type Manifest, parseManifest, type RecordingOrigin } from './manifest.ts';
import { isRecordingId, parseStoredName, storedName } from './recording-id.ts';
import {
  errnoOf,
  type RecordingStorage,
  type RecordingWriter,
  StorageError,
  type StoredCast,
  storageErrorOf,
} from './storage.ts';
import { wholeLineBytes } from './whole-lines.ts';

export interface FolderStorageOptions {
  readonly clock: Clock;
  readonly log: RecorderLog;
  /** Below this many free bytes no new recording is taken; the rest is for those already running. */
  readonly minFreeBytes?: number;
}

const DEFAULT_MIN_FREE_BYTES = 16 * 1024 * 1024;

/** Recordings as files of one folder, which no other process may write to. */
export class FolderStorage implements RecordingStorage {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #log: RecorderLog;
  readonly #minFreeBytes: number;
  readonly #events: EventLog;

  private constructor(folder: string, options: FolderStorageOptions) {
    this.#folder = folder;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#minFreeBytes = options.minFreeBytes ?? DEFAULT_MIN_FREE_BYTES;
    this.#events = new EventLog(join(folder, 'events.jsonl'));
  }

  /** Makes the folder if need be, and files what a crash left in it. */
  static async open(folder: string, options: FolderStorageOptions): Promise<FolderStorage> {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    for (const manifest of await recoverFolder(folder)) {
      const { id, file, bytes, incompleteReason } = manifest;
      options.log.warn(
        { recordingId: id, file, bytes, incompleteReason },
        'recovered an interrupted recording',
      );
    }
    return new FolderStorage(folder, options);
  }

  async open(origin: RecordingOrigin): Promise<RecordingWriter> {
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      const freeBytes = bavail * bsize;
      if (freeBytes < this.#minFreeBytes) throw new StorageError('full', `only ${freeBytes} bytes are free`);
      return await FolderWriter.create(this.#folder, origin, this.#clock);
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  async list(limit: number): Promise<readonly Manifest[]> {
    try {
      const names = await readdir(this.#folder);
      const newest = names.filter(name => parseStoredName(name)?.kind === '.json').sort();
      const manifests: Manifest[] = [];
      for (const name of newest.reverse().slice(0, limit)) {
        const manifest = await this.#read(name);
        if (manifest !== undefined) manifests.push(manifest);
      }
      return manifests;
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  async get(id: string): Promise<Manifest | undefined> {
    if (!isRecordingId(id)) return undefined;
    try {
      return await this.#read(storedName(id, '.json'));
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  async openCast(id: string): Promise<StoredCast | undefined> {
    if (!isRecordingId(id)) return undefined;
    try {
      const handle = await open(join(this.#folder, storedName(id, '.cast')), 'r');
      try {
        const bytes = await wholeLineBytes(handle);
        if (bytes > 0) return { bytes, body: handle.createReadStream({ start: 0, end: bytes - 1 }) };
        await handle.close();
        return { bytes, body: Readable.from([]) };
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw storageErrorOf(error);
    }
  }

  async appendEvent(line: string): Promise<void> {
    try {
      await this.#events.append(line);
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  async #read(name: string): Promise<Manifest | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.#folder, name), 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    const manifest = parseManifest(text);
    if (manifest === undefined) this.#log.warn({ file: name }, 'a manifest cannot be read');
    return manifest;
  }
}
