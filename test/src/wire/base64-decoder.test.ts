import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Base64Decoder } from '../../../src/wire/base64-decoder.ts';

function decode(pieces: readonly string[]): { text: string; bad: boolean } {
  const decoder = new Base64Decoder();
  const decoded: Buffer[] = [];
  for (const piece of pieces) {
    const result = decoder.push(Buffer.from(piece, 'latin1'));
    decoded.push(result.decoded);
    if (result.badAt !== undefined) return { text: Buffer.concat(decoded).toString('latin1'), bad: true };
  }
  return { text: Buffer.concat(decoded).toString('latin1'), bad: false };
}

describe('base64', () => {
  test('decodes any bytes however they are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(fc.nat(60)), (bytes, cuts) => {
        const text = Buffer.from(bytes).toString('base64');
        const places = [0, ...cuts.map(cut => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end));
        expect(decode(pieces)).toEqual({ text: Buffer.from(bytes).toString('latin1'), bad: false });
      }),
    );
  });

  test.each([
    ['', '', false],
    ['aGk=', 'hi', false],
    ['aGkh', 'hi!', false],
    ['aA==', 'h', false],
    ['aG-_', '', true],
    ['aGkhaG k', 'hi!', true],
    ['aGk=aGk=', 'hi', true],
    ['a===', '', true],
    ['a=', '', true],
    ['aGk=a', 'hi', true],
    ['aGk==', 'hi', true],
    ['=', '', true],
    ['aGkh\n', 'hi!', true],
    ['aG=k', '', true],
  ])('%j', (text, decoded, bad) => {
    expect(decode([text])).toEqual({ text: decoded, bad });
    expect(decode([...text])).toEqual({ text: decoded, bad });
  });
});
