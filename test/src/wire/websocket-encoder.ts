/** Written from RFC 6455 section 5.2 alone. */
export interface FrameFields {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly opcode: number;
  readonly mask?: Buffer;
  readonly payload: Buffer;
}

export const KEY = Buffer.from('11223344', 'hex');

export function frame({ fin = true, rsv = 0, opcode, mask, payload }: FrameFields): Buffer {
  const maskBit = mask === undefined ? 0 : 0x80;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  if (payload.length < 126) head.push(maskBit | payload.length);
  else if (payload.length < 2 ** 16) head.push(maskBit | 126, payload.length >> 8, payload.length & 0xff);
  else head.push(maskBit | 127, 0, 0, 0, 0, ...uint32(payload.length));
  const body = Buffer.from(payload);
  if (mask !== undefined) for (let i = 0; i < body.length; i++) body[i] = (body[i] ?? 0) ^ (mask[i % 4] ?? 0);
  return Buffer.concat([Buffer.from(head), mask ?? Buffer.alloc(0), body]);
}

/** A binary message of a client. */
export function fromClient(payload: readonly number[] | Buffer, opcode = 2): Buffer {
  return frame({ opcode, mask: KEY, payload: Buffer.from(payload) });
}

/** A binary message of a server. */
export function fromServer(payload: readonly number[] | Buffer, opcode = 2): Buffer {
  return frame({ opcode, payload: Buffer.from(payload) });
}

/** Channel byte and text. */
export function message(channel: number, text: string | Buffer): Buffer {
  return Buffer.concat([Buffer.of(channel), Buffer.from(text)]);
}

/** Channel digit and base64. */
export function base64Message(channel: number, text: string | Buffer): Buffer {
  return Buffer.from(`${channel}${Buffer.from(text).toString('base64')}`);
}

function uint32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
