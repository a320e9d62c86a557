import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CastBlocks, changedLine, MAX_BLOCK_LINES } from '../../../src/recorder/cast-blocks.ts';

function blocksOf(...chunks: readonly (string | Buffer)[]) {
  const blocks = new CastBlocks();
  for (const chunk of chunks) blocks.push(Buffer.from(chunk));
  return blocks.list();
}

describe('blocks of a cast', () => {
  test('a small cast is one block with its digest', () => {
    const text = 'header\none\ntwo\n';
    expect(blocksOf(text)).toEqual([
      {
        bytes: text.length,
        lines: 3,
        sha256: createHash('sha256').update(text).digest('hex'),
        locator: expect.stringMatching(/^[0-9a-f]{104}$/),
      },
    ]);
  });

  test('nothing has no block', () => {
    expect(blocksOf('')).toEqual([]);
  });

  test.each([
    ['many lines', 'x\n'.repeat(MAX_BLOCK_LINES + 1), [MAX_BLOCK_LINES, 1]],
    ['many bytes', `${'x'.repeat(99_999)}\n`.repeat(4), [3, 1]],
    ['one long line', `${'x'.repeat(600_000)}\ny\n`, [1, 1]],
  ])('%s end a block with a line', (_name, text, lines) => {
    const blocks = blocksOf(text);
    expect(blocks.map(block => block.lines)).toEqual(lines);
    expect(blocks.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(text.length);
  });

  test('how it was cut into chunks makes no difference', () => {
    const text = Buffer.from('a\n\nlonger line\ntorn');
    for (let cut = 0; cut <= text.length; cut++) {
      expect(blocksOf(text.subarray(0, cut), text.subarray(cut))).toEqual(blocksOf(text));
    }
  });

  test('asking in between changes nothing', () => {
    const blocks = new CastBlocks();
    blocks.push(Buffer.from('a\nb'));
    blocks.list();
    blocks.push(Buffer.from('c\n'));
    expect(blocks.list()).toEqual(blocksOf('a\nbc\n'));
  });

  test('a flipped bit in any line, torn ones too, is traced to it', () => {
    const line = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 300 }),
        fc.boolean(),
        fc.nat(),
        fc.integer({ min: 0, max: 6 }),
        (lines, torn, pick, bit) => {
          const text = Buffer.from(lines.join('\n') + (torn ? '' : '\n'));
          const at = pick % text.length;
          const flipped = Buffer.from(text);
          flipped[at] = (text[at] ?? 0) ^ (1 << bit);
          fc.pre(text[at] !== 0x0a && flipped[at] !== 0x0a);
          const number = text.subarray(0, at).filter(byte => byte === 0x0a).length;
          const [before] = blocksOf(text);
          const [after] = blocksOf(flipped);
          if (before === undefined || after === undefined) throw new Error('no block');
          expect(after.sha256).not.toBe(before.sha256);
          expect(changedLine(before, after)).toBe(number);
        },
      ),
    );
  });

  test.each([
    ['nothing changed', 'a\nb\n', 'a\nb\n'],
    ['two lines changed', 'a\nb\nc\nd\n', 'A\nb\nc\nD\n'],
    ['a line went', 'a\nb\n', 'ab\n'],
  ])('%s: no one line is named', (_name, before, after) => {
    const [one] = blocksOf(before);
    const [other] = blocksOf(after);
    if (one === undefined || other === undefined) throw new Error('no block');
    expect(changedLine(one, other)).toBeUndefined();
  });
});
