const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;

const isDigit = new Uint8Array(256);
for (const digit of Buffer.from(ALPHABET, 'latin1')) isDigit[digit] = 1;

export interface Base64Result {
  readonly decoded: Buffer;
  /** Index in the pushed bytes of the first one that cannot stand there. */
  readonly badAt?: number;
}

/** Decodes one padded text (RFC 4648 section 4) that may be cut anywhere; holds at most three characters. */
export class Base64Decoder {
  #pending = '';
  #position = 0;
  #padding: 'none' | 'half' | 'done' = 'none';

  /** Characters of the unfinished group of four: 0..3. */
  get position(): number {
    return this.#position;
  }

  /** A character that may come next, for whoever must finish the text. */
  get filler(): number {
    return this.#padding === 'half' ? PAD : 0x41;
  }

  push(bytes: Buffer): Base64Result {
    let good = this.#padding === 'none' ? digitsOf(bytes) : 0;
    this.#position = (this.#position + good) & 3;
    while (good < bytes.length && this.#takePad(bytes[good])) good++;
    const text = this.#pending + bytes.toString('latin1', 0, good);
    const whole = text.length - (text.length % 4);
    this.#pending = text.slice(whole);
    const decoded = Buffer.from(text.slice(0, whole), 'base64');
    return good === bytes.length ? { decoded } : { decoded, badAt: good };
  }

  /** Padding stands in the third and fourth place only, and nothing but it follows. */
  #takePad(byte: number | undefined): boolean {
    if (byte !== PAD || this.#position < 2) return false;
    this.#padding = this.#position === 2 ? 'half' : 'done';
    this.#position = (this.#position + 1) & 3;
    return true;
  }
}

function digitsOf(bytes: Buffer): number {
  let count = 0;
  while (count < bytes.length && isDigit[bytes[count] ?? PAD] === 1) count++;
  return count;
}
