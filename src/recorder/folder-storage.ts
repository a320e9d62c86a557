import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { FOLDER_MODE, syncFolder } from './durable-file.ts';
import { type EventPage, type EventQuery, searchEvents } from './event-search.ts';
import { FolderReader } from './folder-reader.ts';
import { recoverFolder } from './folder-recovery.ts';
import { FolderWriter } from './folder-writer.ts';
import type { Hold } from './hold.ts';
import { LineLog } from './line-log.ts';
import type { RecorderLog } from './log.ts';
import type { Manifest, RecordingOrigin } from './manifest.ts';
import { storedName } from './recording-id.ts';
import { type IndexLimits, RecordingIndex } from './recording-index.ts';
import type { RecordingPage, RecordingQuery } from './recording-query.ts';
import {
  type RecordingStorage,
  type RecordingWriter,
  StorageError,
  type StoredCast,
  storageErrorOf,
} from './storage.ts';

export interface FolderStorageOptions {
  readonly clock: Clock;
  readonly log: RecorderLog;
  /** Below this many free bytes no new recording is taken; the rest is for those already running. */
  readonly minFreeBytes?: number;
  readonly index?: IndexLimits;
}

const EVENTS_FILE = 'events.jsonl';
const DEFAULT_MIN_FREE_BYTES = 16 * 1024 * 1024;

/** Recordings as files of one folder, which no other process may write to. */
export class FolderStorage implements RecordingStorage {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #minFreeBytes: number;
  readonly #events: LineLog;
  readonly #retention: LineLog;
  readonly #reader: FolderReader;
  readonly #index: RecordingIndex;

  private constructor(folder: string, options: FolderStorageOptions) {
    this.#folder = folder;
    this.#clock = options.clock;
    this.#minFreeBytes = options.minFreeBytes ?? DEFAULT_MIN_FREE_BYTES;
    this.#events = new LineLog(join(folder, EVENTS_FILE));
    this.#retention = new LineLog(join(folder, 'retention.jsonl'));
    this.#reader = new FolderReader(folder, options.log);
    this.#index = new RecordingIndex(this.#reader, options.index);
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
    const storage = new FolderStorage(folder, options);
    // A search that comes sooner waits for it, and tries again if it failed.
    storage.#index.load().catch((error: unknown) => {
      options.log.error({ err: error }, 'the index of recordings could not be built');
    });
    return storage;
  }

  async open(origin: RecordingOrigin): Promise<RecordingWriter> {
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      const freeBytes = bavail * bsize;
      if (freeBytes < this.#minFreeBytes) throw new StorageError('full', `only ${freeBytes} bytes are free`);
      const filed = (manifest: Manifest): void => this.#index.add(manifest);
      return await FolderWriter.create(this.#folder, { origin, clock: this.#clock, filed });
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  search(query: RecordingQuery): Promise<RecordingPage> {
    return this.#index.search(query);
  }

  get(id: string): Promise<Manifest | undefined> {
    return this.#reader.get(id);
  }

  openCast(id: string, range?: string): Promise<StoredCast | undefined> {
    return this.#reader.openCast(id, range);
  }

  hold(id: string): Promise<Hold | undefined> {
    return this.#reader.hold(id);
  }

  /** The manifest goes last: without it a cast would count as interrupted at the next start. */
  async remove(id: string): Promise<void> {
    try {
      for (const kind of ['.cast', '.json'] as const) {
        await rm(join(this.#folder, storedName(id, kind)), { force: true });
      }
      await syncFolder(this.#folder);
      this.#index.remove(id);
    } catch (error) {
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

  async searchEvents(query: EventQuery): Promise<EventPage> {
    try {
      return await searchEvents(join(this.#folder, EVENTS_FILE), query);
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  async appendRetention(line: string): Promise<void> {
    try {
      await this.#retention.append(line);
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  async close(): Promise<void> {}
}
