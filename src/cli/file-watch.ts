import { createHash } from 'node:crypto';
import type { Trigger } from './live-config.ts';
import type { Reading, Readings } from './live-files.ts';

/** A kubelet needs up to a minute to bring a changed ConfigMap; the rest of the way should not be noticed. */
export const LOOK_EVERY_MS = 2_000;
/** A file that is written in place is half there for a moment, and half of a configuration can be a valid one. */
export const SETTLE_MS = 500;

export interface FileWatchOptions {
  readonly look: () => Readings;
  readonly take: (seen: Readings, trigger: Trigger) => void;
  /** Calls back once after `ms`, unless the returned function is called first. */
  readonly after: (ms: number, then: () => void) => () => void;
}

/**
 * Looks at the content of files again and again, so that it is all one how they are replaced: in place, by a rename, or
 * by the swapped symlink of a mounted ConfigMap, on any file system. What has changed is taken once two looks agree.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  #taken: string | undefined;
  #pending: string | undefined;
  #cancel: () => void = () => {};

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#wait(LOOK_EVERY_MS);
  }

  /** Takes what is there, without waiting for it to settle: whoever asks has finished writing. */
  now(): void {
    const seen = this.#options.look();
    this.#taken = printOf(seen);
    this.#pending = undefined;
    this.#options.take(seen, 'SIGHUP');
  }

  close(): void {
    this.#cancel();
  }

  #wait(ms: number): void {
    this.#cancel = this.#options.after(ms, () => {
      this.#look();
      this.#wait(this.#pending === undefined ? LOOK_EVERY_MS : SETTLE_MS);
    });
  }

  #look(): void {
    const seen = this.#options.look();
    const print = printOf(seen);
    const settled = print === this.#pending;
    this.#pending = settled || print === this.#taken ? undefined : print;
    if (!settled) return;
    this.#taken = print;
    this.#options.take(seen, 'files');
  }
}

/** Stands for all that was seen: of the texts, which can be secrets, only this is kept. */
function printOf(seen: Readings): string {
  const hash = createHash('sha256');
  for (const [name, reading] of seen) hash.update(JSON.stringify([name, entryOf(reading)]));
  return hash.digest('hex');
}

function entryOf(reading: Reading): readonly string[] {
  return 'text' in reading ? ['text', reading.text] : ['problem', reading.problem];
}
