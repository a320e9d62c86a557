import { Inflate } from 'pako';
import { type Fault, fault } from './fault.ts';
import { SPDY_DICTIONARY } from './spdy-dictionary.ts';

/** Compressed size of one block; real ones have under 60 bytes. spdystream before 0.5.1 had no bounds (CVE-2026-35469). */
export const MAX_BLOCK_BYTES = 16 * 1024;
const MAX_INFLATED_BYTES = 64 * 1024;
const MAX_HEADERS = 32;

const CHUNK_BYTES = 4096;
const SYNC_FLUSH = 2;
/** What a zlib sync flush ends with. */
const FLUSH_MARK = Buffer.from('0000ffff', 'hex');
/** RFC 9110 section 5.6.2, less the capitals; SPDY's own names begin with a colon. */
const NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/;

export type Headers = ReadonlyMap<string, string>;

class InflatedTooLarge extends Error {}

/** Inflates the header blocks of one direction: one zlib stream over all of them, so each must pass in order. */
export class HeaderInflater {
  readonly #inflate = new Inflate({ dictionary: SPDY_DICTIONARY, chunkSize: CHUNK_BYTES });
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor() {
    this.#inflate.onData = piece => this.#keep(piece);
  }

  /** After a fault the stream is of no more use. */
  read(block: Buffer): Headers | Fault {
    if (block.length > MAX_BLOCK_BYTES) {
      return fault('SPDY_HEADER_LIMIT', `a header block has ${block.length} bytes, over ${MAX_BLOCK_BYTES}`);
    }
    if (!block.subarray(-FLUSH_MARK.length).equals(FLUSH_MARK)) {
      return fault('SPDY_HEADER_BLOCK', 'a header block does not end with a sync flush');
    }
    try {
      this.#inflate.push(block, SYNC_FLUSH);
    } catch (error) {
      if (!(error instanceof InflatedTooLarge)) throw error;
      return fault('SPDY_HEADER_LIMIT', `a header block inflates to over ${MAX_INFLATED_BYTES} bytes`);
    }
    if (this.#inflate.ended) return fault('SPDY_HEADER_BLOCK', 'a header block is not of the zlib stream');
    const inflated = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    return parseHeaders(inflated);
  }

  /** pako has no limit of its own; throwing here is what stops it. */
  #keep(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length > MAX_INFLATED_BYTES) throw new InflatedTooLarge();
    this.#pieces.push(piece);
  }
}

export function isFault(headers: Headers | Fault): headers is Fault {
  return 'code' in headers;
}

/** SPDY/3 draft section 2.6.10: a count, then names and values, each after its length. The block holds nothing else. */
function parseHeaders(block: Buffer): Headers | Fault {
  if (block.length < 4) return fault('SPDY_HEADER_BLOCK', 'a header block has no count');
  const count = block.readUInt32BE(0);
  if (count > MAX_HEADERS) {
    return fault('SPDY_HEADER_LIMIT', `a header block has ${count} headers, over ${MAX_HEADERS}`);
  }
  const headers = new Map<string, string>();
  let at = 4;
  const text = (): string | undefined => {
    if (block.length < at + 4) return undefined;
    const start = at + 4;
    at = start + block.readUInt32BE(at);
    return at <= block.length ? block.toString('latin1', start, at) : undefined;
  };
  for (let index = 0; index < count; index++) {
    const name = text();
    const value = name === undefined ? undefined : text();
    if (name === undefined || value === undefined) return fault('SPDY_HEADER_BLOCK', 'a header block is cut');
    if (!NAME.test(name)) return fault('SPDY_HEADER_BLOCK', 'a header name is not a token in lower case');
    if (headers.has(name)) return fault('SPDY_HEADER_BLOCK', 'a header name comes twice');
    headers.set(name, value);
  }
  if (at !== block.length) return fault('SPDY_HEADER_BLOCK', 'bytes follow the last header of a block');
  return headers;
}
