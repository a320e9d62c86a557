export const FRAME = {
  SYN_STREAM: 1,
  SYN_REPLY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  HEADERS: 8,
  WINDOW_UPDATE: 9,
} as const;

export const RST = { PROTOCOL_ERROR: 1, INVALID_STREAM: 2, CANCEL: 5 } as const;

export const FLAG_FIN = 0x01;
const CONTROL_BIT = 0x80;
const VERSION = 3;
const HEADER_BYTES = 8;
/** Control frames are gathered before they are handed on; the largest useful one is a header block. */
const MAX_CONTROL_BYTES = 32 * 1_024;

/** What the frames of one direction say. Called in wire order, inside `push`. */
export interface FrameListener {
  control(type: number, flags: number, payload: Buffer): void;
  /** Pieces of data as they come; `fin` with the last one, which may be empty. */
  data(streamId: number, bytes: Buffer, fin: boolean): void;
}

/** Cuts a byte stream into SPDY/3.1 frames (draft section 2.2), whatever the borders of the reads. */
export class FrameReader {
  readonly #listener: FrameListener;
  #held = Buffer.alloc(0);
  #dataLeft = 0;
  #streamId = 0;
  #fin = false;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** @throws RangeError when the bytes are no SPDY that a server takes */
  push(chunk: Buffer): void {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      const before = rest.length;
      rest = this.#dataLeft > 0 ? this.#takeData(rest) : this.#takeFrame(rest);
      if (rest.length === before || rest.length === 0) break;
    }
    this.#held = Buffer.from(rest);
  }

  #takeData(bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, this.#dataLeft);
    this.#dataLeft -= piece.length;
    this.#listener.data(this.#streamId, piece, this.#fin && this.#dataLeft === 0);
    return bytes.subarray(piece.length);
  }

  #takeFrame(bytes: Buffer): Buffer {
    if (bytes.length < HEADER_BYTES) return bytes;
    const length = bytes.readUIntBE(5, 3);
    const flags = bytes.readUInt8(4);
    if ((bytes.readUInt8(0) & CONTROL_BIT) === 0) {
      this.#streamId = bytes.readUInt32BE(0);
      if (this.#streamId === 0) throw new RangeError('data frame on stream 0');
      this.#fin = (flags & FLAG_FIN) !== 0;
      this.#dataLeft = length;
      if (length === 0) this.#listener.data(this.#streamId, Buffer.alloc(0), this.#fin);
      return bytes.subarray(HEADER_BYTES);
    }
    if (length > MAX_CONTROL_BYTES) throw new RangeError(`control frame of ${String(length)} bytes`);
    const end = HEADER_BYTES + length;
    if (bytes.length < end) return bytes;
    this.#listener.control(bytes.readUInt16BE(2), flags, bytes.subarray(HEADER_BYTES, end));
    return bytes.subarray(end);
  }
}

export function controlFrame(type: number, payload: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE((CONTROL_BIT << 8) | VERSION, 0);
  header.writeUInt16BE(type, 2);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([header, payload]);
}

/** A control frame whose payload is 32-bit numbers: RST_STREAM, PING, GOAWAY. */
export function numbersFrame(type: number, ...numbers: readonly number[]): Buffer {
  const payload = Buffer.alloc(4 * numbers.length);
  numbers.forEach((value, index) => {
    payload.writeUInt32BE(value, 4 * index);
  });
  return controlFrame(type, payload);
}

export function dataFrame(streamId: number, payload: Buffer, fin = false): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt8(fin ? FLAG_FIN : 0, 4);
  header.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([header, payload]);
}
