import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';

/** What one stream carried: raw bytes, before any decoding. `sha256` is lower-case hex. */
export interface StreamTally {
  readonly bytes: number;
  readonly sha256: string;
}

export interface StreamTallies {
  readonly stdout: StreamTally;
  readonly stderr: StreamTally;
}

export type OutputStream = keyof StreamTallies;

/** Counts and hashes what a command writes: the proof of a transfer whose text in the cast is lossy. */
export class Tally {
  readonly #stdout = new StreamCount();
  readonly #stderr = new StreamCount();

  count(stream: OutputStream, bytes: Buffer): void {
    (stream === 'stdout' ? this.#stdout : this.#stderr).add(bytes);
  }

  /** So far; counting may go on. */
  read(): StreamTallies {
    return { stdout: this.#stdout.read(), stderr: this.#stderr.read() };
  }
}

class StreamCount {
  #bytes = 0;
  /** Made with the first byte: most sessions never write to stderr. */
  #hash: Hash | undefined;

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#hash ??= createHash('sha256');
    this.#bytes += bytes.length;
    this.#hash.update(bytes);
  }

  read(): StreamTally {
    const hash = this.#hash?.copy() ?? createHash('sha256');
    return { bytes: this.#bytes, sha256: hash.digest('hex') };
  }
}
