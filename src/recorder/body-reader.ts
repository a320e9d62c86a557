import type { Readable } from 'node:stream';

export type BodyStep =
  | { readonly kind: 'chunk'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  /** The sender reset the body or its connection went. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** `stop` was called. */
  | { readonly kind: 'stopped'; readonly reason: string };

/**
 * A request body taken one chunk at a time: nothing more is read from the peer while a chunk is worked on. It differs
 * from async iteration in three ways: it can be stopped without destroying the stream (which still has to carry the
 * answer), it tells an orderly end from a reset, and it gives out what had arrived before a reset.
 */
export class BodyReader {
  readonly #body: Readable;
  readonly #lossReason: () => string;
  #ending: BodyStep | undefined;
  /** What had arrived when `stop` was called. */
  #rest: Buffer | undefined;
  #wake: (() => void) | undefined;

  /** `lossReason` is asked once, when the body is lost. */
  constructor(body: Readable, lossReason: () => string) {
    this.#body = body;
    this.#lossReason = lossReason;
    body.on('error', this.#onLost);
    body.on('aborted', this.#onLost);
    body.on('close', this.#onLost);
    body.on('end', this.#onEnd);
    body.on('readable', this.#onReadable);
  }

  async next(): Promise<BodyStep> {
    for (;;) {
      const bytes = this.#ending?.kind === 'stopped' ? this.#takeRest() : this.#read();
      if (bytes !== undefined) return { kind: 'chunk', bytes };
      if (this.#ending !== undefined) return this.#ending;
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }

  /** After what has arrived already the next step says 'stopped', unless the body has ended. */
  stop(reason: string): void {
    if (this.#ending === undefined) this.#rest = this.#read();
    this.#end({ kind: 'stopped', reason });
  }

  /** Gives the body up: the rest is read and thrown away. */
  drop(): void {
    this.release();
    this.#body.resume();
  }

  /** Takes the listeners off; the error listener stays as long as the stream can fail. */
  release(): void {
    // Node takes a dropped stream out of flowing mode when 'readable' is removed, even if it is not there any more.
    if (!this.#body.listeners('readable').includes(this.#onReadable)) return;
    this.#body.off('aborted', this.#onLost);
    this.#body.off('close', this.#onLost);
    this.#body.off('end', this.#onEnd);
    this.#body.off('readable', this.#onReadable);
  }

  #read(): Buffer | undefined {
    const bytes: unknown = this.#body.read();
    return Buffer.isBuffer(bytes) ? bytes : undefined;
  }

  #takeRest(): Buffer | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    return rest;
  }

  #end(step: BodyStep): void {
    this.#ending ??= step;
    this.#onReadable();
  }

  readonly #onReadable = (): void => {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };

  // Node ends the readable side of a reset HTTP/2 stream like that of a finished one; 'aborted' comes first.
  readonly #onEnd = (): void => this.#end({ kind: 'end' });

  readonly #onLost = (): void => {
    if (this.#ending === undefined) this.#end({ kind: 'lost', reason: this.#lossReason() });
  };
}
