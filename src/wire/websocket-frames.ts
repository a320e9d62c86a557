import { type Fault, fault } from './fault.ts';
import type { Window } from './window.ts';

/** RFC 6455 section 5.2. */
export const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

/** What golang.org/x/net/websocket, the server's library, takes at most. */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024;
/** RFC 6455 section 5.5. */
export const MAX_CONTROL_BYTES = 125;

/** A frame up to its payload. Lengths in bytes. */
export interface FrameHead {
  readonly final: boolean;
  readonly opcode: number;
  readonly masked: boolean;
  readonly headLength: number;
  readonly payloadLength: number;
}

const MASK_BYTES = 4;

/** Reads the head (RFC 6455 section 5.2) at the window, and judges what is the same for every frame. */
export function readFrameHead(window: Window): FrameHead | 'short' | Fault {
  if (!window.has(2)) return 'short';
  const first = window.byte(0);
  const second = window.byte(1);
  const masked = (second & 0x80) !== 0;
  const shortLength = second & 0x7f;
  const lengthBytes = shortLength < 126 ? 0 : shortLength === 126 ? 2 : 8;
  const headLength = 2 + lengthBytes + (masked ? MASK_BYTES : 0);
  if (!window.has(headLength)) return 'short';
  if ((first & 0x70) !== 0)
    return fault('WS_RESERVED_BITS', 'expected RSV1-3 to be 0, no extension was agreed');
  const opcode = first & 0x0f;
  if (!isKnown(opcode)) return fault('WS_OPCODE', `opcode ${opcode} is reserved`);
  if (lengthBytes === 8 && window.byte(2) >= 0x80) {
    return fault('WS_RESERVED_BITS', 'expected the top bit of the frame length to be 0');
  }
  const payloadLength =
    lengthBytes === 0
      ? shortLength
      : lengthBytes === 2
        ? window.uint16(2)
        : window.uint32(2) * 2 ** 32 + window.uint32(6);
  return { final: (first & 0x80) !== 0, opcode, masked, headLength, payloadLength };
}

/** RFC 6455 section 5.5: control frames may stand between the fragments of a message. */
export function isControl(opcode: number): boolean {
  return opcode >= OPCODE.CLOSE;
}

/** The byte that masks payload byte `index` (RFC 6455 section 5.3). */
export function maskByte(window: Window, head: FrameHead, index: number): number {
  return head.masked ? window.byte(head.headLength - MASK_BYTES + (index & 3)) : 0;
}

function isKnown(opcode: number): boolean {
  return opcode <= OPCODE.BINARY || (opcode >= OPCODE.CLOSE && opcode <= OPCODE.PONG);
}
