import { describe, expect, test } from 'vitest';
import { ResizeReader } from '../../../src/wire/resize.ts';

/** Sizes as `COLSxROWS`, having made sure that no cut changes them. */
function sizes(text: string): string[] {
  const bytes = Buffer.from(text);
  const cuts = [[...bytes].map(byte => Buffer.of(byte))];
  for (let at = 1; at < Math.min(bytes.length, 200); at++)
    cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
  const expected = read([bytes]);
  for (const cut of cuts) expect(read(cut)).toEqual(expected);
  return expected;
}

function read(chunks: readonly Buffer[]): string[] {
  const reader = new ResizeReader();
  return chunks.flatMap(chunk => reader.push(chunk)).map(({ cols, rows }) => `${cols}x${rows}`);
}

const GOOD = '{"Width":100,"Height":30}\n';

describe('resize', () => {
  test.each<[string, string, string[]]>([
    ['one size', GOOD, ['100x30']],
    ['no newline', '{"Width":80,"Height":24}', ['80x24']],
    ['lower case', '{"width":80,"height":24}', ['80x24']],
    ['any case, any order', '{ "HEIGHT" : 24 ,\n "wIDTH" : 80 }', ['80x24']],
    ['two in one message', '{"Width":1,"Height":2}{"Width":3,"Height":4}', ['1x2', '3x4']],
    ['other fields', '{"Width":1,"X":{"Width":9,"Height":9},"Y":["}{"],"Height":2}', ['1x2']],
    ['the largest', '{"Width":65535,"Height":65535}', ['65535x65535']],
  ])('%s', (_name, text, expected) => {
    expect(sizes(text)).toEqual(expected);
  });

  test.each([
    '{"Width":-1,"Height":24}',
    '{"Width":0,"Height":24}',
    '{"Width":70000,"Height":24}',
    '{"Width":1e9,"Height":24}',
    '{"Width":80.5,"Height":24}',
    '{"Width":"80","Height":"24"}',
    '{"Width":80}',
    'null',
    '[]',
    '{}',
    '}',
    '{',
    '{{{{',
    '{"Width":80,',
    '{"Width":80,"Hei\n',
    '{"\\',
    '{"__proto__":{}}',
    '{"__proto__":{"Width":80,"Height":24}}',
    '{"a":[{"b":1},{"c":2}]}',
  ])('%s is ignored, and the next size is read (B059)', text => {
    expect(sizes(`${text}\n${GOOD}`)).toEqual(['100x30']);
  });

  test('an object over the bound is ignored, and the next size is read', () => {
    expect(sizes(`{"${'x'.repeat(2000)}":1,"Width":1,"Height":1}\n${GOOD}`)).toEqual(['100x30']);
  });

  test('a megabyte of braces is ignored', () => {
    expect(read([Buffer.alloc(1_000_000, '{'), Buffer.from(GOOD)])).toEqual(['100x30']);
  });
});
