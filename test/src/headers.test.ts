import { describe, expect, test } from 'vitest';
import { connectionTokens, listOf, pairsOf, upstreamResponseHeaders, valuesOf } from '../../src/headers.ts';

describe('raw header lists', () => {
  test('pairs keep order, case and repeats', () => {
    expect(pairsOf(['A', '1', 'b', '2', 'a', '3'])).toEqual([
      ['A', '1'],
      ['b', '2'],
      ['a', '3'],
    ]);
    expect(pairsOf(['A'])).toEqual([]);
  });

  test('values are found without regard to case, one for each line', () => {
    expect(valuesOf(['X-A', '1', 'x-a', '2', 'X_A', '3'], 'X-a')).toEqual(['1', '2']);
    expect(valuesOf([], 'x')).toEqual([]);
  });

  test('list members come from all lines, without blanks and without empty ones', () => {
    expect(listOf(['P', 'a, b,', 'p', ' ,c '], 'p')).toEqual(['a', 'b', 'c']);
  });

  test('connection tokens are in lower case', () => {
    expect([...connectionTokens(['Connection', 'Keep-Alive, X-A', 'connection', 'Upgrade'])]).toEqual([
      'keep-alive',
      'x-a',
      'upgrade',
    ]);
  });
});

describe('headers of an answer', () => {
  test('repeats stay two lines, with their case and order (B002)', () => {
    const raw = ['X-A', '1', 'Warning', '299 - "one"', 'x-a', '2', 'Warning', '299 - "two"'];
    expect(upstreamResponseHeaders(raw)).toEqual(raw);
  });

  test('what belongs to the connection, or is named by it, stays behind', () => {
    const raw = [
      ...['Connection', 'Upgrade, X-Hop', 'Upgrade', 'websocket', 'Keep-Alive', 'timeout=5'],
      ...['Transfer-Encoding', 'chunked', 'Trailer', 'X-T', 'X-Hop', '1', 'Proxy-Connection', 'close'],
      ...['Sec-WebSocket-Accept', 'a', 'Content-Length', '3', 'Audit-Id', 'u'],
    ];
    expect(upstreamResponseHeaders(raw)).toEqual([
      ...['Sec-WebSocket-Accept', 'a', 'Content-Length', '3', 'Audit-Id', 'u'],
    ]);
  });
});
