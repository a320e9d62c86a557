import { describe, expect, test } from 'vitest';
import { checkUpgradeAnswer, readUpgrade } from '../../../src/kube/upgrade.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** RFC 6455 section 1.3. */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const V5 = 'v5.channel.k8s.io';
const V4 = 'v4.channel.k8s.io';

type Lines = Readonly<Record<string, string | readonly string[] | undefined>>;

function raw(lines: Lines): string[] {
  return Object.entries(lines).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap(each => [name, each]),
  );
}

const ws = (lines: Lines = {}): string[] =>
  raw({
    Host: 'h',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Protocol': V5,
    ...lines,
  });
const spdy = (lines: Lines = {}): string[] =>
  raw({
    Connection: 'Upgrade',
    Upgrade: 'SPDY/3.1',
    'X-Stream-Protocol-Version': [V4, 'v3.channel.k8s.io'],
    'Content-Length': '0',
    ...lines,
  });

const refused = expect.objectContaining({ code: 'KW_BAD_REQUEST' });

describe('a WebSocket upgrade', () => {
  test.each<[string, Lines, readonly string[]]>([
    ['as kubectl sends it', {}, [V5]],
    ['of other case', { Upgrade: 'WebSocket', Connection: 'upgrade' }, [V5]],
    ['beside keep-alive', { Connection: 'keep-alive, Upgrade' }, [V5]],
    ['over two Connection lines', { Connection: ['keep-alive', 'Upgrade'] }, [V5]],
    [
      'with several names, in their order',
      { 'Sec-WebSocket-Protocol': `${V4},${V5} , base64.channel.k8s.io` },
      [V4, V5, 'base64.channel.k8s.io'],
    ],
    [
      'with names that do not exist over WebSocket',
      { 'Sec-WebSocket-Protocol': `${V5}, v3.channel.k8s.io, x, ${V4}, ${V4}` },
      [V5, V4],
    ],
    [
      'with the token of a browser, which is dropped (B014)',
      { 'Sec-WebSocket-Protocol': `base64url.bearer.authorization.k8s.io.bXl0b2tlbg, ${V5}` },
      [V5],
    ],
  ])('%s', (_name, lines, offered) => {
    expect(readUpgrade('GET', ws(lines))).toEqual({ transport: 'websocket', key: KEY, offered });
  });

  test.each<[string, string, Lines]>([
    ['POST (B016)', 'POST', {}],
    ['two Upgrade values', 'GET', { Upgrade: 'websocket, SPDY/3.1' }],
    ['two Upgrade lines', 'GET', { Upgrade: ['websocket', 'SPDY/3.1'] }],
    ['an unknown Upgrade (B010)', 'GET', { Upgrade: 'foo' }],
    ['h2c (B010)', 'GET', { Upgrade: 'h2c', Connection: 'Upgrade, HTTP2-Settings' }],
    ['an empty Upgrade', 'GET', { Upgrade: '' }],
    ['another version', 'GET', { 'Sec-WebSocket-Version': '8' }],
    ['two versions', 'GET', { 'Sec-WebSocket-Version': ['13', '13'] }],
    ['no version', 'GET', { 'Sec-WebSocket-Version': undefined }],
    ['no key', 'GET', { 'Sec-WebSocket-Key': undefined }],
    ['a short key', 'GET', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }],
    ['two keys', 'GET', { 'Sec-WebSocket-Key': [KEY, KEY] }],
    ['two subprotocol lines', 'GET', { 'Sec-WebSocket-Protocol': [V5, V4] }],
    ['no subprotocol', 'GET', { 'Sec-WebSocket-Protocol': undefined }],
    ['no known subprotocol', 'GET', { 'Sec-WebSocket-Protocol': 'v3.channel.k8s.io, V5.CHANNEL.K8S.IO' }],
    ['nothing but a token', 'GET', { 'Sec-WebSocket-Protocol': 'base64url.bearer.authorization.k8s.io.eA' }],
    ['a body', 'GET', { 'Content-Length': '3' }],
    ['a chunked body', 'GET', { 'Transfer-Encoding': 'chunked' }],
    ['a substring of a Connection token only', 'GET', { Connection: 'x-upgrade-y' }],
  ])('with %s is refused', (_name, method, lines) => {
    expect(() => readUpgrade(method, ws(lines))).toThrow(refused);
  });

  test('a refusal says what would be taken', () => {
    const lines = { 'Sec-WebSocket-Protocol': 'v3.channel.k8s.io' };
    expect(() => readUpgrade('GET', ws(lines))).toThrow(/v5\.channel\.k8s\.io, v4\.channel\.k8s\.io/);
  });
});

describe('a SPDY upgrade', () => {
  test.each<[string, string, Lines, readonly string[]]>([
    ['POST', 'POST', {}, [V4, 'v3.channel.k8s.io']],
    ['GET (B016)', 'GET', {}, [V4, 'v3.channel.k8s.io']],
    ['in lower case', 'POST', { Upgrade: 'spdy/3.1' }, [V4, 'v3.channel.k8s.io']],
    [
      'all of kubectl, without v5, which no server picks (B002)',
      'POST',
      { 'X-Stream-Protocol-Version': [V5, V4, 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] },
      [V4, 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'],
    ],
    ['in one line', 'POST', { 'X-Stream-Protocol-Version': `${V4}, channel.k8s.io` }, [V4, 'channel.k8s.io']],
  ])('%s', (_name, method, lines, offered) => {
    expect(readUpgrade(method, spdy(lines))).toEqual({ transport: 'spdy', offered });
  });

  test.each<[string, string, Lines]>([
    ['another method', 'PUT', {}],
    ['no version', 'POST', { 'X-Stream-Protocol-Version': undefined }],
    ['unknown versions only', 'POST', { 'X-Stream-Protocol-Version': [V5, 'portforward.k8s.io'] }],
    ['another SPDY', 'POST', { Upgrade: 'SPDY/3.10' }],
    ['a substring of a Connection token only', 'POST', { Connection: 'x-upgrade-y' }],
    ['a body', 'POST', { 'Content-Length': '4' }],
  ])('with %s is refused', (_name, method, lines) => {
    expect(() => readUpgrade(method, spdy(lines))).toThrow(refused);
  });
});

describe('no upgrade', () => {
  test.each<[string, string[]]>([
    ['nothing of it', raw({ Host: 'h' })],
    ['Connection alone', raw({ Connection: 'Upgrade' })],
    ['Upgrade alone', raw({ Upgrade: 'websocket', Connection: 'keep-alive' })],
    ['Upgrade without Connection', raw({ Upgrade: 'SPDY/3.1' })],
  ])('%s', (_name, headers) => {
    expect(readUpgrade('POST', headers)).toBeUndefined();
  });
});

describe('the answer of upstream', () => {
  const websocket = { transport: 'websocket', key: KEY, offered: [V5, V4] } as const;
  const spdyUpgrade = { transport: 'spdy', offered: [V4, 'v3.channel.k8s.io'] } as const;
  const ws101 = (lines: Lines = {}): string[] =>
    raw({
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Accept': ACCEPT,
      'Sec-WebSocket-Protocol': V4,
      ...lines,
    });
  const spdy101 = (lines: Lines = {}): string[] =>
    raw({ Upgrade: 'SPDY/3.1', Connection: 'Upgrade', 'X-Stream-Protocol-Version': V4, ...lines });
  const wrong = expect.objectContaining({ code: 'KW_UPSTREAM_PROTOCOL' });

  test('decides which protocol is read (B013)', () => {
    expect(checkUpgradeAnswer(websocket, ws101(), ACCEPT)).toEqual({
      transport: 'websocket',
      subprotocol: V4,
    });
    expect(checkUpgradeAnswer(spdyUpgrade, spdy101(), '')).toEqual({ transport: 'spdy', subprotocol: V4 });
  });

  test('a SPDY answer without a version is v1', () => {
    const answer = spdy101({ 'X-Stream-Protocol-Version': undefined });
    expect(checkUpgradeAnswer(spdyUpgrade, answer, '').subprotocol).toBe('channel.k8s.io');
  });

  test.each<[string, Lines]>([
    ['no subprotocol (B013)', { 'Sec-WebSocket-Protocol': undefined }],
    ['an empty subprotocol', { 'Sec-WebSocket-Protocol': '' }],
    ['one that was not offered (B013)', { 'Sec-WebSocket-Protocol': 'channel.k8s.io' }],
    ['two subprotocols', { 'Sec-WebSocket-Protocol': `${V4}, ${V5}` }],
    ['two subprotocol lines', { 'Sec-WebSocket-Protocol': [V4, V4] }],
    ['no accept', { 'Sec-WebSocket-Accept': undefined }],
    ['another accept', { 'Sec-WebSocket-Accept': ACCEPT.toLowerCase() }],
    ['an extension', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }],
    ['another protocol', { Upgrade: 'SPDY/3.1' }],
    ['no Upgrade', { Upgrade: undefined }],
    ['no Connection', { Connection: undefined }],
  ])('WebSocket with %s is refused', (_name, lines) => {
    expect(() => checkUpgradeAnswer(websocket, ws101(lines), ACCEPT)).toThrow(wrong);
  });

  test.each<[string, Lines]>([
    ['a version that was not offered', { 'X-Stream-Protocol-Version': V5 }],
    ['two versions', { 'X-Stream-Protocol-Version': [V4, 'v3.channel.k8s.io'] }],
    ['another protocol', { Upgrade: 'websocket' }],
  ])('SPDY with %s is refused', (_name, lines) => {
    expect(() => checkUpgradeAnswer(spdyUpgrade, spdy101(lines), '')).toThrow(wrong);
  });
});
