import { describe, expect, test } from 'vitest';
import { checkHeaders } from '../../../src/policy/check-headers.ts';

describe('header lists that everybody reads alike', () => {
  test.each([
    ['nothing', []],
    ['an ordinary request', ['Host', 'h', 'Content-Type', 'application/json', 'Content-Length', '2']],
    ['a chunked body', ['Transfer-Encoding', 'Chunked']],
    ['an expectation that is met', ['Expect', '100-Continue', 'Content-Length', '2']],
    [
      'repeats of list headers',
      ['Accept', 'a', 'Accept', 'b', 'X-Stream-Protocol-Version', 'a', 'X-Stream-Protocol-Version', 'b'],
    ],
    ['a comma inside quotes', ['Content-Type', 'multipart/related; start="<a,b>"']],
    [
      'an alias of another spelling, which is dropped later',
      ['Host', 'h', 'content_type', 'x', 'content_type', 'y'],
    ],
  ])('%s passes', (_name, raw) => {
    expect(() => checkHeaders(raw)).not.toThrow();
  });

  test.each([
    ['two Host lines', ['Host', 'a', 'host', 'a']],
    ['a list of hosts', ['Host', 'a, b']],
    ['two Authorization lines', ['Authorization', 'Bearer a', 'authorization', 'Bearer b']],
    ['two Upgrade lines', ['Upgrade', 'websocket', 'Upgrade', 'SPDY/3.1']],
    ['a list of upgrades', ['Upgrade', 'websocket, SPDY/3.1']],
    ['two Content-Type lines', ['Content-Type', 'a/b', 'Content-Type', 'c/d']],
    ['a list of content types', ['Content-Type', 'a/b, c/d']],
    ['two lengths', ['Content-Length', '1', 'Content-Length', '1']],
    ['a list of lengths', ['Content-Length', '1, 1']],
    ['a signed length', ['Content-Length', '+1']],
    ['an unknown transfer encoding', ['Transfer-Encoding', 'xchunked']],
    ['two transfer encodings', ['Transfer-Encoding', 'gzip, chunked']],
    ['two Transfer-Encoding lines', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    ['both framings', ['Transfer-Encoding', 'chunked', 'Content-Length', '2']],
  ])('%s: 400 (B085)', (_name, raw) => {
    expect(() => checkHeaders(raw)).toThrow(expect.objectContaining({ code: 'KW_BAD_REQUEST' }));
  });

  test.each(['x', '', '100-continue, x'])('the expectation %j: 417 (B073)', expectation => {
    expect(() => checkHeaders(['Expect', expectation])).toThrow(
      expect.objectContaining({ code: 'KW_EXPECTATION_FAILED' }),
    );
  });
});
