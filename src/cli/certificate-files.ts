import { createPrivateKey, X509Certificate } from 'node:crypto';

/** Kubelets swap the files of a mounted Secret within about a minute, and renewals come days before an end. */
export const LOOK_EVERY_MS = 60_000;

export interface KeyPair {
  /** Chain, PEM, the server's own certificate first. */
  readonly cert: string;
  /** Private key, PEM. */
  readonly key: string;
}

export interface CertificateFilesOptions {
  /** Both files as they are now. Throws when one cannot be read. */
  readonly read: () => KeyPair;
  /** Calls back once after `ms`, unless the returned function is called first. */
  readonly after: (ms: number, then: () => void) => () => void;
  readonly changed: (pair: KeyPair) => void;
  /** Once for each state of the files that cannot be used. The pair at hand stays in use. */
  readonly failed: (error: unknown) => void;
}

/**
 * Looks at a certificate's files again and again. They are compared by content, so that it is all one how they were
 * replaced (rename, symlink of a mounted Secret, written in place). A certificate and a key that do not belong together,
 * as half way through a replacement, are not taken.
 */
export class CertificateFiles {
  readonly #options: CertificateFilesOptions;
  #seen: string;
  #cancel: () => void = () => {};
  /** The pair at the start. */
  readonly first: KeyPair;

  /** Throws when the files cannot be read or do not belong together. */
  constructor(options: CertificateFilesOptions) {
    this.#options = options;
    this.first = options.read();
    checkPair(this.first);
    this.#seen = textOf(this.first);
    this.#wait();
  }

  /** Without waiting for the minute. */
  now(): void {
    this.#look();
  }

  close(): void {
    this.#cancel();
  }

  #wait(): void {
    this.#cancel = this.#options.after(LOOK_EVERY_MS, () => {
      this.#look();
      this.#wait();
    });
  }

  #look(): void {
    const { read, changed, failed } = this.#options;
    // Stands for files that cannot be read, so that this is told once as well.
    let text = '';
    try {
      const pair = read();
      text = textOf(pair);
      if (text === this.#seen) return;
      checkPair(pair);
      changed(pair);
    } catch (error) {
      if (text !== this.#seen) failed(error);
    }
    this.#seen = text;
  }
}

function textOf({ cert, key }: KeyPair): string {
  return `${cert}\n${key}`;
}

/** Throws unless the key is that of the first certificate. */
export function checkPair({ cert, key }: KeyPair): void {
  let matches: boolean;
  try {
    matches = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new Error("the listener's certificate or its key is not PEM that can be read", { cause: error });
  }
  if (!matches) throw new Error("the listener's key is not that of its certificate");
}
