import type { Readable } from 'node:stream';
import { messageOf } from '../errors.ts';
import type { Manifest, RecordingOrigin } from './manifest.ts';

/** Where recordings are kept. All methods reject with a StorageError. */
export interface RecordingStorage {
  /** Room for a new recording. Rejects with kind 'full' before a byte is taken when there is none. */
  open(origin: RecordingOrigin): Promise<RecordingWriter>;
  /** Newest first, at most `limit`. Recordings still being written are not among them. */
  list(limit: number): Promise<readonly Manifest[]>;
  get(id: string): Promise<Manifest | undefined>;
  /** The cast up to its last whole line; the caller reads or destroys `body`. */
  openCast(id: string): Promise<StoredCast | undefined>;
  /** Appends one JSON document, already checked and on one line, and resolves once it is on the disk. */
  appendEvent(line: string): Promise<void>;
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
  readonly bytes: number;
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
