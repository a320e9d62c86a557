import { CONTROL, SPDY_VERSION } from './spdy-frames.ts';

const CONTROL_BIT = 0x80000000;
const RST_CANCEL = 5;
const GOAWAY_OK = 0;

/** zlib header with a preset dictionary, and the dictionary's Adler-32 (RFC 1950 section 2.2). */
const ZLIB_START = Buffer.from('78f9e3c6a7c2', 'hex');
/** Stored block of four zero bytes (RFC 1951 section 3.2.4): a list of no headers, whatever zlib said before. */
const NO_HEADERS = Buffer.from('000400fbff00000000', 'hex');
/** Sync flush: every block of SPDY ends with one, so that its reader needs nothing of the next. */
const FLUSH = Buffer.from('000000ffff', 'hex');

/** Accepts a stream with no headers. `headersBegun`: the zlib stream of this direction has begun. */
export function synReply(streamId: number, headersBegun: boolean): Buffer {
  const block = headersBegun ? [NO_HEADERS, FLUSH] : [ZLIB_START, NO_HEADERS, FLUSH];
  return controlFrame(CONTROL.SYN_REPLY, Buffer.concat([uint32(streamId), ...block]));
}

export function rstStream(streamId: number): Buffer {
  return controlFrame(CONTROL.RST_STREAM, Buffer.concat([uint32(streamId), uint32(RST_CANCEL)]));
}

export function goAway(lastStreamId: number): Buffer {
  return controlFrame(CONTROL.GOAWAY, Buffer.concat([uint32(lastStreamId), uint32(GOAWAY_OK)]));
}

export function dataFrame(streamId: number, payload: Buffer): Buffer {
  return Buffer.concat([uint32(streamId), uint32(payload.length), payload]);
}

function controlFrame(type: number, payload: Buffer): Buffer {
  return Buffer.concat([
    uint32(CONTROL_BIT + SPDY_VERSION * 2 ** 16 + type),
    uint32(payload.length),
    payload,
  ]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
