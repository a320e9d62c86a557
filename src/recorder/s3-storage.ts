import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { EventPage, EventQuery } from './event-search.ts';
import { FolderReader } from './folder-reader.ts';
import { FolderStorage } from './folder-storage.ts';
import type { Hold } from './hold.ts';
import type { RecorderLog } from './log.ts';
import type { Manifest, RecordingOrigin } from './manifest.ts';
import { storedName } from './recording-id.ts';
import { DEFAULT_INDEX_LIMITS, type IndexLimits, RecordingIndex } from './recording-index.ts';
import type { RecordingPage, RecordingQuery } from './recording-query.ts';
import { checkBucket } from './s3-bucket-check.ts';
import type { S3Client } from './s3-client.ts';
import { S3Objects } from './s3-objects.ts';
import { DEFAULT_S3_UPLOAD_LIMITS, type S3UploadLimits, sizeOf, uploadFile } from './s3-upload.ts';
import { Shipper, type ShipperLimits } from './shipper.ts';
import { SpoolRoom, SpoolWriter } from './spool-room.ts';
import { errnoOf, type RecordingStorage, type RecordingWriter, type StoredCast } from './storage.ts';

export interface S3StorageOptions {
  readonly client: S3Client;
  /** Every recording is written here first; like a storage folder it belongs to one recorder. */
  readonly spool: string;
  readonly clock: Clock;
  readonly log: RecorderLog;
  readonly maxSpoolBytes?: number;
  readonly minFreeBytes?: number;
  readonly index?: IndexLimits;
  readonly upload?: S3UploadLimits;
  readonly shipper?: ShipperLimits;
}

const DEFAULT_MAX_SPOOL_BYTES = 10 * 1024 * 1024 * 1024;
/** The last eighth of the spool is for recordings that have begun. */
const SPOOL_RESERVE = 1 / 8;
/** A bucket answers in milliseconds where a folder does in microseconds: the start reads fewer manifests. */
const S3_INDEX_LIMITS: IndexLimits = { ...DEFAULT_INDEX_LIMITS, maxIndexed: 5000, maxScanned: 500 };
const CAST_TYPE = 'application/x-asciicast';
const MANIFEST_TYPE = 'application/json';

/**
 * Recordings in a bucket. They are written to a local folder, acknowledged from there, and carried to the bucket once
 * they are finished: the cast, then its manifest, then the local copy goes. API events and the list of deletions stay
 * in the folder.
 */
export class S3Storage implements RecordingStorage {
  readonly #options: S3StorageOptions;
  readonly #spool: FolderStorage;
  readonly #spooled: FolderReader;
  readonly #objects: S3Objects;
  readonly #room: SpoolRoom;
  readonly #shipper: Shipper;
  readonly #index: RecordingIndex;

  private constructor(options: S3StorageOptions, spool: FolderStorage) {
    const { log, maxSpoolBytes = DEFAULT_MAX_SPOOL_BYTES } = options;
    this.#options = options;
    this.#spool = spool;
    this.#spooled = new FolderReader(options.spool, log);
    this.#objects = new S3Objects(options.client);
    this.#room = new SpoolRoom(maxSpoolBytes, maxSpoolBytes * SPOOL_RESERVE);
    this.#shipper = new Shipper({
      ship: id => this.#ship(id),
      log,
      ...(options.shipper !== undefined && { limits: options.shipper }),
    });
    const source = { idsBefore: this.#idsBefore, get: (id: string) => this.get(id) };
    this.#index = new RecordingIndex(source, options.index ?? S3_INDEX_LIMITS);
  }

  /** Rejects with a sentence when the bucket cannot be used; sends on what an earlier run left in the spool. */
  static async open(options: S3StorageOptions): Promise<S3Storage> {
    const { client, spool, clock, log, minFreeBytes } = options;
    await checkBucket(client, log);
    const folder = await FolderStorage.open(spool, {
      clock,
      log,
      index: { ...DEFAULT_INDEX_LIMITS, maxIndexed: 0 },
      ...(minFreeBytes !== undefined && { minFreeBytes }),
    });
    const storage = new S3Storage(options, folder);
    await storage.#resume();
    storage.#index.load().catch((error: unknown) => {
      log.error({ err: error }, 'the index of recordings could not be built');
    });
    return storage;
  }

  /** Recordings that are not in the bucket yet. */
  get waiting(): number {
    return this.#shipper.size;
  }

  async open(origin: RecordingOrigin): Promise<RecordingWriter> {
    this.#room.admit();
    return new SpoolWriter(await this.#spool.open(origin), this.#room, manifest => {
      this.#index.add(manifest);
      this.#shipper.add(manifest.id);
    });
  }

  search(query: RecordingQuery): Promise<RecordingPage> {
    return this.#index.search(query);
  }

  async get(id: string): Promise<Manifest | undefined> {
    return (await this.#spooled.get(id)) ?? this.#objects.get(id);
  }

  async openCast(id: string, range?: string): Promise<StoredCast | undefined> {
    return (await this.#spooled.openCast(id, range)) ?? this.#objects.openCast(id, range);
  }

  async hold(id: string): Promise<Hold | undefined> {
    if (this.#shipper.has(id)) return { reason: 'not in the bucket yet', since: '' };
    return this.#objects.hold(id);
  }

  async remove(id: string): Promise<void> {
    await this.#objects.remove(id);
    this.#index.remove(id);
  }

  appendEvent(line: string): Promise<void> {
    return this.#spool.appendEvent(line);
  }

  searchEvents(query: EventQuery): Promise<EventPage> {
    return this.#spool.searchEvents(query);
  }

  appendRetention(line: string): Promise<void> {
    return this.#spool.appendRetention(line);
  }

  close(): Promise<void> {
    return this.#shipper.stop();
  }

  readonly #idsBefore = async (before: string | undefined, count: number): Promise<readonly string[]> => {
    const ids = [
      ...(await this.#spooled.idsBefore(before, count)),
      ...(await this.#objects.idsBefore(before, count)),
    ];
    return [...new Set(ids)].sort().reverse().slice(0, count);
  };

  async #resume(): Promise<void> {
    const ids = await this.#spooled.idsBefore(undefined, Number.MAX_SAFE_INTEGER);
    for (const id of [...ids].reverse()) {
      this.#room.found((await this.#spooled.get(id))?.bytes ?? 0);
      this.#shipper.add(id);
    }
    if (ids.length > 0) this.#options.log.warn({ recordings: ids.length }, 'recordings waited in the spool');
  }

  async #ship(id: string): Promise<void> {
    const manifest = await this.#spooled.get(id);
    if (manifest === undefined) throw new Error('its manifest in the spool cannot be read');
    await this.#put(id, '.cast', CAST_TYPE, manifest.bytes);
    await this.#put(id, '.json', MANIFEST_TYPE);
    await this.#spool.remove(id);
    this.#room.free(manifest.bytes);
    this.#options.log.info({ recordingId: id, bytes: manifest.bytes }, 'recording is in the bucket');
  }

  /** A crash while the local copy went can have left the manifest alone there: then the cast must be in the bucket. */
  async #put(id: string, kind: '.cast' | '.json', type: string, bytes?: number): Promise<void> {
    const { client, spool, upload = DEFAULT_S3_UPLOAD_LIMITS } = this.#options;
    const file = storedName(id, kind);
    try {
      await uploadFile(client, join(spool, file), file, type, upload);
    } catch (error) {
      const isGone = errnoOf(error) === 'ENOENT' && bytes !== undefined;
      if (!isGone || (await sizeOf(client, file)) !== bytes) throw error;
    }
  }
}
