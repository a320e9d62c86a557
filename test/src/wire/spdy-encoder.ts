import { Deflate, Inflate } from 'pako';
import { SPDY_DICTIONARY } from '../../../src/wire/spdy-dictionary.ts';

/** SPDY/3.1 frames, written from the draft alone but for the dictionary, which a test holds to its published hash. */

export class HeaderDeflater {
  readonly #deflate = new Deflate({ dictionary: SPDY_DICTIONARY, level: 9 });
  #pieces: Uint8Array[] = [];

  constructor() {
    this.#deflate.onData = piece => this.#pieces.push(piece);
  }

  block(headers: readonly (readonly [string, string])[]): Buffer {
    return this.raw(
      Buffer.concat([uint32(headers.length), ...headers.flat().flatMap(text => lengthFirst(text))]),
    );
  }

  raw(bytes: Buffer): Buffer {
    this.#pieces = [];
    this.#deflate.push(bytes, 2);
    return Buffer.concat(this.#pieces);
  }
}

/** Inflates blocks that follow each other in one zlib stream. */
export function inflateAll(blocks: readonly Buffer[]): Buffer[] {
  const inflate = new Inflate({ dictionary: SPDY_DICTIONARY });
  return blocks.map(block => {
    const pieces: Uint8Array[] = [];
    inflate.onData = piece => pieces.push(piece);
    if (!inflate.push(block, 2) || inflate.ended) throw new Error(`inflate: ${inflate.msg}`);
    return Buffer.concat(pieces);
  });
}

export function control(type: number, payload: Buffer, flags = 0): Buffer {
  return Buffer.concat([Buffer.of(0x80, 3, 0, type, flags, ...uint32(payload.length).subarray(1)), payload]);
}

export function synStream(id: number, block: Buffer, associated = 0): Buffer {
  return control(1, Buffer.concat([uint32(id), uint32(associated), Buffer.of(0, 0), block]));
}

export function synReply(id: number, block: Buffer): Buffer {
  return control(2, Buffer.concat([uint32(id), block]));
}

export function headers(id: number, block: Buffer): Buffer {
  return control(8, Buffer.concat([uint32(id), block]));
}

export function rst(id: number, status = 5): Buffer {
  return control(3, Buffer.concat([uint32(id), uint32(status)]));
}

export function goAway(id: number, status = 0): Buffer {
  return control(7, Buffer.concat([uint32(id), uint32(status)]));
}

export function ping(id: number, flags = 0): Buffer {
  return control(6, uint32(id), flags);
}

export function data(id: number, payload: string | Buffer, flags = 0): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([uint32(id), Buffer.of(flags), uint32(bytes.length).subarray(1), bytes]);
}

/** SYN_STREAMs of these types with ids 1, 3, 5 …, in one zlib stream. */
export function opening(types: readonly string[], deflater = new HeaderDeflater()): Buffer {
  return Buffer.concat(
    types.map((type, index) => synStream(2 * index + 1, deflater.block([['streamtype', type]]))),
  );
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function lengthFirst(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  return [uint32(bytes.length), bytes];
}
