import { type Fault, fault } from './fault.ts';
import { MAX_BLOCK_BYTES } from './spdy-headers.ts';

/** SPDY/3.1 draft section 2.2. Integers are big-endian. */
export const HEAD_BYTES = 8;
export const SPDY_VERSION = 3;
export const FLAG_FIN = 0x01;
const FLAG_CLEAR_SETTINGS = 0x01;

/** Control frames that remotecommand knows (moby/spdystream), section 2.6. */
export const CONTROL = {
  SYN_STREAM: 1,
  SYN_REPLY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  HEADERS: 8,
  WINDOW_UPDATE: 9,
} as const;

/** What comes before the header block in SYN_STREAM: id, associated id, priority, slot. */
export const SYN_STREAM_BYTES = 10;
/** And in SYN_REPLY and HEADERS: the id. */
export const STREAM_ID_BYTES = 4;

/** Every other control frame is far shorter, so this is the most that a reader holds. */
export const MAX_CONTROL_BYTES = SYN_STREAM_BYTES + MAX_BLOCK_BYTES;

interface Shape {
  readonly name: string;
  /** Bytes of payload; where `more` is set, the least. */
  readonly length: number;
  readonly more?: 'block' | 'settings';
  /** Flags that may be set. remotecommand half-closes with data frames only. */
  readonly flags: number;
}

const SHAPES: ReadonlyMap<number, Shape> = new Map<number, Shape>([
  [CONTROL.SYN_STREAM, { name: 'SYN_STREAM', length: SYN_STREAM_BYTES, more: 'block', flags: 0 }],
  [CONTROL.SYN_REPLY, { name: 'SYN_REPLY', length: STREAM_ID_BYTES, more: 'block', flags: 0 }],
  [CONTROL.RST_STREAM, { name: 'RST_STREAM', length: 8, flags: 0 }],
  [CONTROL.SETTINGS, { name: 'SETTINGS', length: 4, more: 'settings', flags: FLAG_CLEAR_SETTINGS }],
  [CONTROL.PING, { name: 'PING', length: 4, flags: 0 }],
  [CONTROL.GOAWAY, { name: 'GOAWAY', length: 8, flags: 0 }],
  [CONTROL.HEADERS, { name: 'HEADERS', length: STREAM_ID_BYTES, more: 'block', flags: 0 }],
  [CONTROL.WINDOW_UPDATE, { name: 'WINDOW_UPDATE', length: 8, flags: 0 }],
]);

/** Judges a control frame by its head alone, so that what would be too long is never waited for. */
export function judgeControlHead(type: number, flags: number, length: number): Fault | undefined {
  const shape = SHAPES.get(type);
  if (shape === undefined) return fault('SPDY_FRAME_TYPE', `control frame type ${type} is not known`);
  if ((flags & ~shape.flags) !== 0) return fault('SPDY_FLAGS', `${shape.name} has flags ${flags}`);
  if (length < shape.length || (shape.more === undefined && length > shape.length)) {
    return fault('SPDY_FRAME_LENGTH', `${shape.name} has ${length} bytes, not ${shape.length}`);
  }
  if (shape.more === 'block' && length > shape.length + MAX_BLOCK_BYTES) {
    return fault('SPDY_HEADER_LIMIT', `the header block of ${shape.name} has over ${MAX_BLOCK_BYTES} bytes`);
  }
  if (length > MAX_CONTROL_BYTES) {
    return fault('SPDY_FRAME_LENGTH', `${shape.name} has ${length} bytes, over ${MAX_CONTROL_BYTES}`);
  }
  return undefined;
}

/** Judges what the payload of a control frame says without regard to any stream. */
export function judgeControlPayload(type: number, payload: Buffer): Fault | undefined {
  const first = payload.readUInt32BE(0);
  switch (type) {
    case CONTROL.PING:
      return first === 0 ? fault('SPDY_STREAM_ID', 'a PING has id 0') : undefined;
    case CONTROL.SETTINGS:
      return first === (payload.length - 4) / 8
        ? undefined
        : fault('SPDY_FRAME_LENGTH', `SETTINGS counts ${first} entries in ${payload.length} bytes`);
    default:
      return first >= 2 ** 31 ? fault('SPDY_STREAM_ID', 'a stream id is above 2^31-1') : undefined;
  }
}
