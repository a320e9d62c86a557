import { describe, expect, test } from 'vitest';
import {
  controlFrame,
  dataFrame,
  FRAME,
  FrameReader,
  numbersFrame,
} from '../../../src/sandbox/spdy-frames.ts';

type Seen = readonly [kind: string, ...rest: (string | number | boolean)[]];

/** What a reader finds, with pieces of data put together again. */
function read(pieces: readonly Buffer[]): Seen[] {
  const seen: Seen[] = [];
  let text = '';
  const reader = new FrameReader({
    control: (type, flags, payload) => seen.push(['control', type, flags, payload.toString('hex')]),
    data: (streamId, bytes, fin) => {
      text += bytes.toString('latin1');
      if (fin) seen.push(['data', streamId, text, fin]);
      if (fin) text = '';
    },
  });
  for (const piece of pieces) reader.push(piece);
  return seen;
}

const WIRE = Buffer.concat([
  numbersFrame(FRAME.PING, 1),
  dataFrame(3, Buffer.from('hello'), true),
  numbersFrame(FRAME.RST_STREAM, 3, 5),
  dataFrame(5, Buffer.from('a')),
  dataFrame(5, Buffer.alloc(0), true),
  controlFrame(FRAME.GOAWAY, Buffer.alloc(8)),
]);
const EXPECTED: Seen[] = [
  ['control', 6, 0, '00000001'],
  ['data', 3, 'hello', true],
  ['control', 3, 0, '0000000300000005'],
  ['data', 5, 'a', true],
  ['control', 7, 0, '0000000000000000'],
];

describe('SPDY frames', () => {
  test('are written as the draft draws them', () => {
    expect(numbersFrame(FRAME.PING, 1).toString('hex')).toBe('800300060000000400000001');
    expect(numbersFrame(FRAME.RST_STREAM, 3, 5).toString('hex')).toBe('80030003000000080000000300000005');
    expect(dataFrame(7, Buffer.from('hi'), true).toString('hex')).toBe('00000007010000026869');
  });

  test('are found wherever the reads are cut', () => {
    for (let cut = 0; cut <= WIRE.length; cut++) {
      expect(read([WIRE.subarray(0, cut), WIRE.subarray(cut)])).toEqual(EXPECTED);
    }
    expect(read(Array.from(WIRE, byte => Buffer.of(byte)))).toEqual(EXPECTED);
  });

  test.each([
    ['data on stream 0', '0000000000000000'],
    ['a control frame longer than any in use', '8003000100ffffff'],
  ])('refused: %s', (_, hex) => {
    expect(() => read([Buffer.from(hex, 'hex')])).toThrow(RangeError);
  });
});
