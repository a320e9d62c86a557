import { createHash } from 'node:crypto';
import type { Upload } from './upload.ts';

/** How far a recorder had confirmed the part that it has. */
export interface Confirmed {
  /** Bytes of the part; 0: nothing since it accepted. */
  readonly offset: number;
  /** When it said so. Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** One part of a cast, as one recorder was sent it. */
export class RecordedPart {
  readonly #upload: Upload;
  readonly #hash = createHash('sha256');
  #sentBytes = 0;
  #offset = 0;
  #atMs: number;
  #whole = false;

  /** `atMs`: when the recorder accepted. */
  constructor(upload: Upload, atMs: number) {
    this.#upload = upload;
    this.#atMs = atMs;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Whether the recorder has taken anything yet; without acks: whether the socket has. */
  get taken(): boolean {
    return this.#upload.unackedBytes < this.#sentBytes;
  }

  /** Lower-case hex, of all that was sent. */
  get sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Undefined where the protocol has no acks, and the last word is not yet spoken. */
  get confirmed(): Confirmed | undefined {
    if (this.#upload.protocol === 'v1' && !this.#whole) return undefined;
    return { offset: this.#offset, atMs: this.#atMs };
  }

  send(line: Buffer): void {
    this.#sentBytes += line.length;
    this.#hash.update(line);
    this.#upload.write(line);
  }

  acked(atMs: number): void {
    const offset = this.#sentBytes - this.#upload.unackedBytes;
    if (offset <= this.#offset) return;
    this.#offset = offset;
    this.#atMs = atMs;
  }

  /** The recorder's last word. */
  confirmWhole(atMs: number): void {
    this.#whole = true;
    this.#offset = this.#sentBytes;
    this.#atMs = atMs;
  }
}
