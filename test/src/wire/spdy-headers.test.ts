import { createHash } from 'node:crypto';
import { constants, deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { SPDY_DICTIONARY } from '../../../src/wire/spdy-dictionary.ts';
import { HeaderInflater, isFault } from '../../../src/wire/spdy-headers.ts';
import { bytesOf } from './replay.ts';
import { HeaderDeflater, uint32 } from './spdy-encoder.ts';

/** RFC 1950 section 8.2. */
function adler32(bytes: Buffer): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}

/** One block through a fresh inflater: the code of its fault, or the headers. */
function read(block: Buffer): string | [string, string][] {
  const headers = new HeaderInflater().read(block);
  return isFault(headers) ? headers.code : [...headers];
}

function plain(...parts: (number | string)[]): Buffer {
  return new HeaderDeflater().raw(
    Buffer.concat(parts.map(part => (typeof part === 'number' ? uint32(part) : Buffer.from(part, 'latin1')))),
  );
}

describe('SPDY dictionary', () => {
  test('is the one of SPDY/3', () => {
    expect(SPDY_DICTIONARY).toHaveLength(1423);
    expect(adler32(SPDY_DICTIONARY)).toBe(0xe3c6a7c2);
    expect(createHash('sha256').update(SPDY_DICTIONARY).digest('hex')).toBe(
      '51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02',
    );
  });
});

describe('SPDY header blocks', () => {
  test('are inflated as one stream', () => {
    const inflater = new HeaderInflater();
    const blocks: [string, string][] = [
      ['78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff', 'error'],
      ['c22e555c92929907000000ffff', 'stdin'],
      ['c22ac5565c92925f5a02000000ffff', 'stdout'],
      ['c229975a5404000000ffff', 'stderr'],
    ];
    for (const [block, streamType] of blocks) {
      expect(inflater.read(bytesOf(block))).toEqual(new Map([['streamtype', streamType]]));
    }
  });

  test('may be empty, as servers send them', () => {
    const inflater = new HeaderInflater();
    expect(inflater.read(bytesOf('78f9e3c6a7c26260606000000000ffff'))).toEqual(new Map());
    expect(inflater.read(bytesOf('026100000000ffff'))).toEqual(new Map());
  });

  const many = (count: number): [string, string][] =>
    Array.from({ length: count }, (_, index) => [`n${index}`, '']);
  const bomb = Buffer.alloc(5_000_000);
  const cases: [string, Buffer, string | [string, string][]][] = [
    ['32 headers', new HeaderDeflater().block(many(32)), many(32)],
    ['33 headers', new HeaderDeflater().block(many(33)), 'SPDY_HEADER_LIMIT'],
    ['a count of 2^32-1', plain(0xffffffff), 'SPDY_HEADER_LIMIT'],
    ['a name length past the end', plain(1, 0xffffffff, 'a'), 'SPDY_HEADER_BLOCK'],
    ['a value length past the end', plain(1, 1, 'a', 2, 'b'), 'SPDY_HEADER_BLOCK'],
    ['a count without headers', plain(1), 'SPDY_HEADER_BLOCK'],
    ['half a count', plain('\0\0'), 'SPDY_HEADER_BLOCK'],
    ['bytes after the last header', plain(1, 1, 'a', 1, 'b', 'c'), 'SPDY_HEADER_BLOCK'],
    ['a capital in a name', new HeaderDeflater().block([['streamType', 'stdin']]), 'SPDY_HEADER_BLOCK'],
    ['an empty name', new HeaderDeflater().block([['', 'stdin']]), 'SPDY_HEADER_BLOCK'],
    ['a name twice', new HeaderDeflater().block([...many(1), ...many(1)]), 'SPDY_HEADER_BLOCK'],
    ['no bytes', Buffer.alloc(0), 'SPDY_HEADER_BLOCK'],
    ['no sync flush', new HeaderDeflater().block(many(1)).subarray(0, -4), 'SPDY_HEADER_BLOCK'],
    ['no zlib', bytesOf('0000 ffff'), 'SPDY_HEADER_BLOCK'],
    [
      'another dictionary',
      deflateSync(uint32(0), { dictionary: Buffer.from('other'), finishFlush: constants.Z_SYNC_FLUSH }),
      'SPDY_HEADER_BLOCK',
    ],
    ['5 MB of zeros', new HeaderDeflater().raw(bomb), 'SPDY_HEADER_LIMIT'],
    ['64 KiB and one', new HeaderDeflater().raw(bomb.subarray(0, 65_537)), 'SPDY_HEADER_LIMIT'],
    ['16 KiB compressed and one', Buffer.alloc(16_385), 'SPDY_HEADER_LIMIT'],
  ];
  test.each(cases)('%s', (_name, block, expected) => {
    expect(read(block)).toEqual(expected);
  });

  test('a finished zlib stream is refused', () => {
    const ended = deflateSync(uint32(0), { dictionary: SPDY_DICTIONARY });
    expect(read(Buffer.concat([ended, bytesOf('0000ffff')]))).toBe('SPDY_HEADER_BLOCK');
  });
});
