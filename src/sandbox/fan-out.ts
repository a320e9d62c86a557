import type { Readable, Writable } from 'node:stream';

/**
 * Copies one source to any number of targets that come and go. The slowest one sets the pace: the source is paused
 * while any target is full, as the writers of an attached container block it.
 */
export class FanOut {
  readonly #source: Readable;
  readonly #targets = new Map<Writable, () => void>();
  readonly #full = new Set<Writable>();
  /** Resolves when the source has ended and its last bytes were handed on. */
  readonly over: Promise<void>;
  #ended = false;

  constructor(source: Readable, observe: (chunk: Buffer) => void) {
    this.#source = source;
    source.on('data', (chunk: Buffer) => {
      observe(chunk);
      for (const target of this.#targets.keys()) this.#write(target, chunk);
    });
    this.over = new Promise(resolve => {
      source.once('close', () => {
        this.#end();
        resolve();
      });
    });
    // 'close' follows; a terminal ends with an error when its process does.
    source.on('error', () => undefined);
  }

  /** Adds a target, which is ended when the source ends. */
  add(target: Writable): void {
    if (this.#ended) {
      target.end();
      return;
    }
    const onDrain = (): void => this.#drained(target);
    this.#targets.set(target, onDrain);
    target.on('drain', onDrain);
  }

  /** Removes a target without ending it. */
  remove(target: Writable): void {
    const onDrain = this.#targets.get(target);
    if (onDrain === undefined) return;
    target.removeListener('drain', onDrain);
    this.#targets.delete(target);
    this.#drained(target);
  }

  #write(target: Writable, chunk: Buffer): void {
    if (target.destroyed || target.write(chunk)) return;
    this.#full.add(target);
    this.#source.pause();
  }

  #drained(target: Writable): void {
    this.#full.delete(target);
    if (this.#full.size === 0) this.#source.resume();
  }

  #end(): void {
    this.#ended = true;
    for (const target of [...this.#targets.keys()]) {
      this.remove(target);
      target.end();
    }
  }
}
