import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { messageOf } from '../errors.ts';

/** How an upstream reads its files. Both functions throw as `node:fs` does. */
export interface FileReader {
  readonly readFile: (path: string) => string;
  /** Milliseconds since the Unix epoch, of the file that a symbolic link leads to. */
  readonly modifiedAtMs: (path: string) => number;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

/** The files of this machine. */
export function systemFiles(log: FileReader['log']): FileReader {
  return {
    readFile: path => readFileSync(path, 'utf8'),
    modifiedAtMs: path => statSync(path).mtimeMs,
    clock: systemClock,
    log,
  };
}

/** client-go reads a token file again every minute (`transport.NewCachedFileTokenSource`). */
const READ_AGAIN_MS = 60_000;
/** One look at the modification times in this time: requests come by the thousand. */
const LOOK_AGAIN_MS = 1_000;

/**
 * A value made from files that something else rotates. Read again once a minute, or when a modification time has
 * changed. Files that belong together (certificate and key) are one value, so that they change together. While a new
 * state cannot be read, the last good one stays: a swap under way is no outage.
 */
export class RotatingFiles<T> {
  readonly #paths: readonly string[];
  readonly #make: (contents: readonly string[]) => T;
  readonly #io: FileReader;
  #value: T;
  #modifiedAtMs: readonly number[];
  #readAt: number;
  #lookedAt: number;

  /** Throws what reading or making throws. */
  constructor(paths: readonly string[], make: (contents: readonly string[]) => T, io: FileReader) {
    this.#paths = paths;
    this.#make = make;
    this.#io = io;
    this.#modifiedAtMs = paths.map(io.modifiedAtMs);
    this.#value = make(paths.map(io.readFile));
    this.#readAt = io.clock.monotonic();
    this.#lookedAt = this.#readAt;
  }

  current(): T {
    const now = this.#io.clock.monotonic();
    if (this.#paths.length === 0 || now - this.#lookedAt < LOOK_AGAIN_MS) return this.#value;
    this.#lookedAt = now;
    try {
      // Before the contents: a change in between is then seen at the next look.
      const modifiedAtMs = this.#paths.map(this.#io.modifiedAtMs);
      const changed = modifiedAtMs.some((at, index) => at !== this.#modifiedAtMs[index]);
      if (!changed && now - this.#readAt < READ_AGAIN_MS) return this.#value;
      this.#value = this.#make(this.#paths.map(this.#io.readFile));
      this.#modifiedAtMs = modifiedAtMs;
      this.#readAt = now;
    } catch (error) {
      this.#io.log.warn(
        { files: this.#paths, error: messageOf(error) },
        'cannot read credentials again; the last ones stay in use',
      );
    }
    return this.#value;
  }
}
