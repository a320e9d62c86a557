import { OPCODE } from './websocket-frames.ts';

const FINAL = 0x80;
const NORMAL_CLOSURE = 1000;

/** An unmasked frame that ends its message, as a server sends it (RFC 6455 section 5.2). */
export function finalFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = FINAL | opcode;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** Close 1000 with no reason: with any other code kubectl shows two log lines instead of the Status. */
export function closeFrame(): Buffer {
  const code = Buffer.alloc(2);
  code.writeUInt16BE(NORMAL_CLOSURE);
  return finalFrame(OPCODE.CLOSE, code);
}
