import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { staticTokens } from '../../../src/identity/static-tokens.ts';

const digest = createHash('sha256').update('bob-token').digest('hex');
const rule = {
  origin: 'grants[0]',
  impersonateGroups: ['admins'],
  recorderAddrs: ['r:80'],
  enforceRecorder: true,
};
const authenticate = staticTokens(
  [
    { user: 'ann', groups: ['dev'], uid: 'u1', extra: { a: ['b'] }, secret: { token: 'ann-token' } },
    { user: 'bob', groups: [], secret: { tokenSha256: digest } },
  ],
  [{ subjects: [{ user: 'ann' }], rule }],
);
const by = (rawHeaders: readonly string[]) => authenticate({ rawHeaders, remoteAddress: undefined });

const BEARER = 'base64url.bearer.authorization.k8s.io.';
const inSubprotocol = (token: string): string => `${BEARER}${Buffer.from(token).toString('base64url')}`;

describe('static tokens', () => {
  test('a token leads to its identity and rules', async () => {
    expect(await by(['Authorization', 'Bearer ann-token'])).toEqual({
      user: 'ann',
      groups: ['dev', 'admins'],
      uid: 'u1',
      extra: { a: ['b'] },
      source: 'static',
      rules: [rule],
    });
  });

  test('a token can be known by its digest', async () => {
    expect(await by(['authorization', 'bEaReR bob-token'])).toMatchObject({ user: 'bob', rules: [] });
    await expect(by(['Authorization', `Bearer ${digest}`])).rejects.toThrow('not known');
  });

  test('a browser brings the token as a subprotocol (B014)', async () => {
    const protocols = `${inSubprotocol('ann-token')}, v5.channel.k8s.io`;
    expect(await by(['Sec-WebSocket-Protocol', protocols])).toMatchObject({ user: 'ann' });
  });

  test.each<[string, string[], string]>([
    ['nothing', [], 'no bearer token was sent'],
    ['another scheme', ['Authorization', 'Basic ann-token'], 'no bearer token was sent'],
    ['an empty header', ['Authorization', ''], 'no bearer token was sent'],
    ['no token', ['Authorization', 'Bearer '], 'no bearer token was sent'],
    ['two blanks', ['Authorization', 'Bearer  ann-token'], 'no bearer token was sent'],
    ['something behind it', ['Authorization', 'Bearer ann-token x'], 'no bearer token was sent'],
    ['an unknown token', ['Authorization', 'Bearer wrong'], 'the bearer token is not known'],
    ['a prefix of a token', ['Authorization', 'Bearer ann-toke'], 'the bearer token is not known'],
    ['an alias', ['Authorization_', 'Bearer ann-token'], 'no bearer token was sent'],
    [
      'a header that is wrong and a subprotocol that is right (B014)',
      [
        'Authorization',
        'Bearer x',
        'Sec-WebSocket-Protocol',
        `${inSubprotocol('ann-token')}, v5.channel.k8s.io`,
      ],
      'the bearer token is not known',
    ],
    ['a subprotocol alone', ['Sec-WebSocket-Protocol', inSubprotocol('ann-token')], 'needs another one'],
    [
      'two of them',
      ['Sec-WebSocket-Protocol', `${inSubprotocol('a')}, ${inSubprotocol('ann-token')}, v5.channel.k8s.io`],
      'more than one',
    ],
    ['one with padding', ['Sec-WebSocket-Protocol', `${inSubprotocol('ann-tokens')}==, x`], 'not base64url'],
    ['one that is not base64url', ['Sec-WebSocket-Protocol', `${BEARER}a+b/, x`], 'not base64url'],
    ['an empty one', ['Sec-WebSocket-Protocol', `${BEARER}, x`], 'not base64url'],
    ['one that is not UTF-8', ['Sec-WebSocket-Protocol', `${BEARER}_w, x`], 'not base64url'],
  ])('%s is nobody', async (_name, raw, message) => {
    const failure: unknown = await by(raw).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'KW_UNAUTHENTICATED', message: expect.stringContaining(message) });
    expect(String(failure)).not.toContain('wrong');
  });

  test('two Authorization lines are refused', async () => {
    await expect(
      by(['Authorization', 'Bearer ann-token', 'authorization', 'Bearer x']),
    ).rejects.toMatchObject({
      code: 'KW_BAD_REQUEST',
    });
  });

  test('what cannot be an identity or a digest is refused at the start', () => {
    expect(() => staticTokens([{ user: ' ', groups: [], secret: { token: 't' } }], [])).toThrow(
      expect.objectContaining({ code: 'KW_FORBIDDEN' }),
    );
    expect(() => staticTokens([{ user: 'a', groups: [], secret: { tokenSha256: 'ab' } }], [])).toThrow(
      RangeError,
    );
  });

  test('two identities with one token are refused at the start, wherever it came from', () => {
    const shared = [
      { user: 'ann', groups: [], secret: { tokenSha256: digest.toUpperCase() } },
      { user: 'bob', groups: [], secret: { token: 'bob-token' } },
    ];
    expect(() => staticTokens(shared, [])).toThrow(/ann and bob/);
  });
});
