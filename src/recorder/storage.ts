import type { Readable } from 'node:stream';
import { messageOf } from '../errors.ts';
import type { BytePart } from './byte-range.ts';
import type { EventPage, EventQuery } from './event-search.ts';
import type { Hold } from './hold.ts';
import type { Manifest, RecordingOrigin } from './manifest.ts';
import type { RecordingPage, RecordingQuery } from './recording-query.ts';

/** Where recordings are kept. All methods reject with a StorageError. */
export interface RecordingStorage {
  /** Room for a new recording. Rejects with kind 'full' before a byte is taken when there is none. */
  open(origin: RecordingOrigin): Promise<RecordingWriter>;
  /** Recordings still being written are not found. */
  search(query: RecordingQuery): Promise<RecordingPage>;
  get(id: string): Promise<Manifest | undefined>;
  /** The cast up to its last whole line, or the part of it that a Range header names; the caller reads or destroys `body`. */
  openCast(id: string, range?: string): Promise<StoredCast | undefined>;
  /** Appends one JSON document, already checked and on one line, and resolves once it is on the disk. */
  appendEvent(line: string): Promise<void>;
  searchEvents(query: EventQuery): Promise<EventPage>;
  /** Why the recording must be kept whatever its age; undefined when nothing says so. */
  hold(id: string): Promise<Hold | undefined>;
  /** Deletes a finished recording for good; idempotent. */
  remove(id: string): Promise<void>;
  /** Appends one line to the list of what was deleted, durably. */
  appendRetention(line: string): Promise<void>;
  /** Ends what goes on in the background. */
  close(): Promise<void>;
}

/** One recording being written. After `finish` or `fail` has resolved nothing more may be called. */
export interface RecordingWriter {
  readonly id: string;
  /** Writes in call order and resolves once the operating system has the bytes. After a failure all writes fail. */
  write(chunk: Buffer): Promise<void>;
  /**
   * The body ended in order: makes it durable. `doubt` is asked once the bytes are safe, just before the recording is
   * called complete; an answer is the reason why it is not. If this rejects, call `fail`.
   */
  finish(doubt?: () => string | undefined): Promise<Manifest>;
  /** Keeps what came and says why it is not complete. Undefined: not a byte had come, so nothing is kept. */
  fail(reason: string): Promise<Manifest | undefined>;
}

export interface StoredCast {
  /** Of the whole. */
  readonly bytes: number;
  /** What `body` is of it; undefined: all. */
  readonly part?: BytePart | 'none';
  readonly body: Readable;
}

export type StorageErrorKind = 'full' | 'io';

/** `full`: no room is left, others may have some. `io`: anything else. */
export class StorageError extends Error {
  readonly kind: StorageErrorKind;

  constructor(kind: StorageErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StorageError';
    this.kind = kind;
  }
}

const FULL_CODES: readonly string[] = ['ENOSPC', 'EDQUOT'];

export function storageErrorOf(thrown: unknown): StorageError {
  if (thrown instanceof StorageError) return thrown;
  const code = errnoOf(thrown);
  const full = code !== undefined && FULL_CODES.includes(code);
  return new StorageError(full ? 'full' : 'io', messageOf(thrown), { cause: thrown });
}

/** The errno name of a system error, such as ENOENT. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
