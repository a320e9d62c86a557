import { Deflate, Inflate } from 'pako';
import { SPDY_DICTIONARY } from './spdy-dictionary.ts';

const Z_SYNC_FLUSH = 2;
/** Far above what any client sends, far below what a bomb inflates to (CVE-2026-35469). */
const MAX_INFLATED_BYTES = 64 * 1_024;
const MAX_HEADERS = 32;

/** Reads the header blocks of one direction, which are one zlib stream: every block must be given, in wire order. */
export class HeaderReader {
  readonly #inflate = new Inflate({ dictionary: SPDY_DICTIONARY, chunkSize: 4_096 });
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor() {
    this.#inflate.onData = piece => {
      this.#bytes += piece.length;
      if (this.#bytes > MAX_INFLATED_BYTES) throw new RangeError('header block inflates to too much');
      this.#pieces.push(piece);
    };
  }

  /** Names as sent; of several values of a name the first, as Go's http.Header.Get gives. @throws RangeError */
  read(block: Buffer): Map<string, string> {
    this.#pieces = [];
    this.#bytes = 0;
    this.#inflate.push(block, Z_SYNC_FLUSH);
    if (this.#inflate.err !== 0) throw new RangeError(`header block: ${this.#inflate.msg}`);
    return parseHeaders(Buffer.concat(this.#pieces));
  }
}

/** Writes header blocks of one direction. */
export class HeaderWriter {
  readonly #deflate = new Deflate({ dictionary: SPDY_DICTIONARY });
  #pieces: Uint8Array[] = [];

  constructor() {
    this.#deflate.onData = piece => {
      this.#pieces.push(piece);
    };
  }

  write(headers: readonly (readonly [string, string])[]): Buffer {
    this.#pieces = [];
    this.#deflate.push(
      Buffer.concat([uint32(headers.length), ...headers.flatMap(pair => pair.flatMap(lengthFirst))]),
      Z_SYNC_FLUSH,
    );
    return Buffer.concat(this.#pieces);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function lengthFirst(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'utf8');
  return [uint32(bytes.length), bytes];
}

/** SPDY/3.1 section 2.6.10: a count, then names and values with their lengths; readUInt32BE throws past the end. */
function parseHeaders(bytes: Buffer): Map<string, string> {
  const count = bytes.readUInt32BE(0);
  if (count > MAX_HEADERS) throw new RangeError(`header block of ${String(count)} headers`);
  const headers = new Map<string, string>();
  let at = 4;
  const text = () => {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new RangeError('header block is cut');
    const value = bytes.toString('utf8', at + 4, end);
    at = end;
    return value;
  };
  for (let index = 0; index < count; index++) {
    const name = text();
    // spdystream closes the connection for both.
    if (name !== name.toLowerCase() || headers.has(name)) throw new RangeError(`header name ${name}`);
    headers.set(name, text().split('\0')[0] ?? '');
  }
  return headers;
}
