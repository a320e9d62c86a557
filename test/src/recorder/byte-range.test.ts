import { describe, expect, test } from 'vitest';
import { headOf, partOf } from '../../../src/recorder/byte-range.ts';

describe('a Range header, of ten bytes', () => {
  test.each([
    ['bytes=0-3', { first: 0, length: 4 }],
    ['bytes=3-3', { first: 3, length: 1 }],
    ['bytes=8-', { first: 8, length: 2 }],
    ['bytes=8-99', { first: 8, length: 2 }],
    ['bytes=-3', { first: 7, length: 3 }],
    ['bytes=-99', { first: 0, length: 10 }],
    ['bytes=10-', 'none'],
    ['bytes=10-12', 'none'],
    ['bytes=-0', 'none'],
    ['bytes=5-2', undefined],
    ['bytes=0-1,4-5', undefined],
    ['lines=0-1', undefined],
    ['bytes=', undefined],
    ['bytes=-', undefined],
    ['bytes=99999999999999999999-', undefined],
    [undefined, undefined],
  ])('%s', (range, part) => {
    expect(partOf(range, 10)).toEqual(part);
  });

  test('of nothing there is no part', () => {
    expect(partOf('bytes=0-', 0)).toBe('none');
  });
});

test('the answer says what it carries', () => {
  expect(headOf(undefined, 10)).toEqual({ status: 200, length: 10, headers: { 'accept-ranges': 'bytes' } });
  expect(headOf({ first: 2, length: 3 }, 10)).toMatchObject({
    status: 206,
    length: 3,
    headers: { 'content-range': 'bytes 2-4/10' },
  });
  expect(headOf('none', 10)).toMatchObject({
    status: 416,
    length: 0,
    headers: { 'content-range': 'bytes */10' },
  });
});
