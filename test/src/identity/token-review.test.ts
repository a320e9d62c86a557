import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expiryOf } from '../../../src/identity/jwt-expiry.ts';
import { firstThatKnows } from '../../../src/identity/sources.ts';
import { staticSource } from '../../../src/identity/static-tokens.ts';
import { tokenReviewSource } from '../../../src/identity/token-review.ts';
import { reviewAtUpstream } from '../../../src/identity/token-review-request.ts';
import type { FakeReview, FakeTokenReviews } from './fake-token-reviews.ts';
import { fakeTokenReviews } from './fake-token-reviews.ts';

let fake: FakeTokenReviews;
beforeEach(async () => {
  fake = await fakeTokenReviews();
});
afterEach(() => fake.close());

const NOW = Date.UTC(2026, 0, 1);
const ANN = { authenticated: true, user: { username: 'ann', groups: ['dev', 'system:authenticated'] } };
const bearer = (token: string) => ['Authorization', `Bearer ${token}`];
const jwt = (claims: unknown): string =>
  ['{"alg":"none"}', JSON.stringify(claims), 'signature']
    .map(part => Buffer.from(part).toString('base64url'))
    .join('.');

function reviewing(options: { readonly audiences?: readonly string[]; readonly timeoutMs?: number } = {}) {
  const { audiences = [], timeoutMs = 20_000 } = options;
  let passed = 0;
  const warned: object[] = [];
  const source = tokenReviewSource({
    review: reviewAtUpstream(fake.upstream, { timeoutMs }),
    audiences,
    grants: [
      {
        subjects: [{ group: 'dev' }, { serviceaccount: 'build-*:*' }],
        rule: { origin: 'grants[0]', impersonateGroups: ['app'], recorderAddrs: [], enforceRecorder: true },
      },
    ],
    clock: { now: () => NOW + passed, monotonic: () => passed },
    log: { warn: fields => warned.push(fields) },
  });
  const authenticate = firstThatKnows([source]);
  return {
    source,
    warned,
    later: (ms: number) => {
      passed += ms;
    },
    by: (rawHeaders: readonly string[]) => authenticate({ rawHeaders, remoteAddress: '192.0.2.1' }),
  };
}

describe('a token that the API server knows', () => {
  test.each([
    ['system:serviceaccount:build-eu:runner', 1],
    ['system:serviceaccount:build:runner', 0],
    ['build-eu:runner', 0],
  ])('of %s brings %i grants for service accounts', async (username, count) => {
    fake.reviews.set('t', { authenticated: true, user: { username, groups: [] } });
    expect((await reviewing().by(bearer('t'))).rules).toHaveLength(count);
  });

  test('leads to its user, with everything that the review says', async () => {
    fake.reviews.set('t', {
      authenticated: true,
      user: {
        username: 'system:serviceaccount:ci:runner',
        uid: 'u1',
        groups: ['system:serviceaccounts', 'dev'],
        extra: { 'authentication.kubernetes.io/pod-name': ['p'] },
      },
    });
    expect(await reviewing().by(bearer('t'))).toMatchObject({
      user: 'system:serviceaccount:ci:runner',
      groups: ['system:serviceaccounts', 'dev', 'app'],
      uid: 'u1',
      extra: { 'authentication.kubernetes.io/pod-name': ['p'] },
      source: 'tokenReview',
      rules: [{ origin: 'grants[0]' }],
    });
  });

  test('is reviewed with our own credential, and stands in the body alone', async () => {
    fake.reviews.set('t', ANN);
    await reviewing().by(bearer('t'));
    expect(fake.asked).toHaveLength(1);
    expect(fake.asked[0]).toMatchObject({
      path: 'POST /k8s/c1/apis/authentication.k8s.io/v1/tokenreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 't' } },
    });
    expect(fake.asked[0]?.headers).toEqual(
      expect.arrayContaining(['Authorization', 'Bearer our-own', 'Content-Type', 'application/json']),
    );
    expect(fake.asked[0]?.body).not.toHaveProperty('spec.audiences');
  });

  test('without uid, groups or extra has none', async () => {
    fake.reviews.set('t', { authenticated: true, user: { username: 'ann', groups: null } });
    const caller = await reviewing().by(bearer('t'));
    expect(caller).toEqual({ user: 'ann', groups: [], source: 'tokenReview', rules: [] });
  });

  test('must be for one of the audiences, by the word of the API server', async () => {
    const { by } = reviewing({ audiences: ['kubewitness', 'other'] });
    fake.reviews.set('ours', { ...ANN, audiences: ['kubewitness'] });
    fake.reviews.set('foreign', { ...ANN, audiences: ['third'] });
    fake.reviews.set('unaware', ANN);
    expect(await by(bearer('ours'))).toMatchObject({ user: 'ann' });
    expect(fake.asked[0]?.body).toMatchObject({ spec: { audiences: ['kubewitness', 'other'] } });
    await expect(by(bearer('foreign'))).rejects.toMatchObject({ code: 'KW_UNAUTHENTICATED' });
    await expect(by(bearer('unaware'))).rejects.toMatchObject({ code: 'KW_UNAUTHENTICATED' });
  });

  test('whose user cannot be carried upstream is refused', async () => {
    fake.reviews.set('t', { authenticated: true, user: { username: '' } });
    await expect(reviewing().by(bearer('t'))).rejects.toMatchObject({ code: 'KW_FORBIDDEN' });
  });
});

describe('a token that it does not know', () => {
  test('is nobody', async () => {
    const { by, warned } = reviewing();
    fake.reviews.set('half', { authenticated: false, user: { username: 'ann' } });
    for (const token of ['t', 'half']) {
      await expect(by(bearer(token))).rejects.toMatchObject({
        code: 'KW_UNAUTHENTICATED',
        message: 'the API server does not accept the bearer token',
      });
    }
    await expect(by([])).rejects.toMatchObject({ message: 'no bearer token was sent' });
    expect(fake.asked).toHaveLength(2);
    expect(warned).toEqual([]);
  });

  test('that is too long is not even reviewed', async () => {
    await expect(reviewing().by(bearer('t'.repeat(32 * 1024 + 1)))).rejects.toMatchObject({
      code: 'KW_UNAUTHENTICATED',
    });
    expect(fake.asked).toEqual([]);
  });

  test('may be a static one, in either order', async () => {
    const { source } = reviewing();
    const fixed = staticSource([{ user: 'bob', groups: [], secret: { token: 'fixed' } }], []);
    fake.reviews.set('t', ANN);
    for (const sources of [
      [source, fixed],
      [fixed, source],
    ]) {
      const by = (token: string) => firstThatKnows(sources)({ rawHeaders: bearer(token), remoteAddress: '' });
      expect(await by('fixed')).toMatchObject({ user: 'bob', source: 'static' });
      expect(await by('t')).toMatchObject({ user: 'ann', source: 'tokenReview' });
      await expect(by('x')).rejects.toMatchObject({ code: 'KW_UNAUTHENTICATED' });
    }
  });
});

describe('without a verdict', () => {
  test.each<[string, FakeReview]>([
    ['a refusal of ourselves', { httpStatus: 401 }],
    ['no right to review', { httpStatus: 403 }],
    ['an error', { httpStatus: 500 }],
    ['a redirect', { httpStatus: 302 }],
    ['no JSON', { text: '<html>' }],
    ['something else', { text: '{"kind":"Status","status":"Success"}' }],
    ['a review that is malformed', { authenticated: 'true', user: { username: 'ann' } }],
    ['groups that are no list', { authenticated: true, user: { username: 'ann', groups: 'dev' } }],
    ['a closed connection', 'reset'],
    ['half an answer', 'half'],
    ['an endless answer', 'endless'],
  ])('the caller is told to try again, and no other source is asked: %s', async (_name, review) => {
    fake.reviews.set('t', review);
    const { source, warned } = reviewing();
    const fixed = staticSource([{ user: 'weaker', groups: [], secret: { token: 't' } }], []);
    const failure: unknown = await firstThatKnows([source, fixed])({
      rawHeaders: bearer('t'),
      remoteAddress: '',
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'KW_IDENTITY_UNAVAILABLE', status: 503 });
    expect(warned).toHaveLength(1);
    expect(JSON.stringify(warned)).not.toContain('Bearer');
  });

  test('an API server that is silent is waited for so long, and one that is gone not at all', async () => {
    fake.reviews.set('t', 'silence');
    await expect(reviewing({ timeoutMs: 50 }).by(bearer('t'))).rejects.toMatchObject({
      code: 'KW_IDENTITY_UNAVAILABLE',
      message: expect.stringContaining('within 50 ms'),
    });
    await fake.close();
    await expect(reviewing().by(bearer('t'))).rejects.toMatchObject({
      code: 'KW_IDENTITY_UNAVAILABLE',
      message: expect.stringContaining('refused'),
    });
    fake = await fakeTokenReviews();
  });

  test('is asked again at once', async () => {
    fake.reviews.set('t', { httpStatus: 500 });
    const { by } = reviewing();
    await expect(by(bearer('t'))).rejects.toThrow();
    fake.reviews.set('t', ANN);
    expect(await by(bearer('t'))).toMatchObject({ user: 'ann' });
  });
});

describe('a verdict', () => {
  test('of yes holds for a minute', async () => {
    fake.reviews.set('t', ANN);
    const { by, later } = reviewing();
    await by(bearer('t'));
    later(59_999);
    await by(bearer('t'));
    expect(fake.asked).toHaveLength(1);
    later(1);
    await by(bearer('t'));
    expect(fake.asked).toHaveLength(2);
  });

  test('of yes does not outlive the token', async () => {
    const token = jwt({ sub: 'ann', exp: NOW / 1000 + 10 });
    fake.reviews.set(token, ANN);
    const { by, later } = reviewing();
    await by(bearer(token));
    later(9_999);
    await by(bearer(token));
    expect(fake.asked).toHaveLength(1);
    later(1);
    fake.reviews.delete(token);
    await expect(by(bearer(token))).rejects.toMatchObject({ code: 'KW_UNAUTHENTICATED' });
  });

  test('is not kept longer because a token says so', async () => {
    const token = jwt({ exp: NOW / 1000 + 86_400 });
    fake.reviews.set(token, ANN);
    const { by, later } = reviewing();
    await by(bearer(token));
    later(60_000);
    await by(bearer(token));
    expect(fake.asked).toHaveLength(2);
  });

  test('of no holds for five seconds', async () => {
    const { by, later } = reviewing();
    await expect(by(bearer('t'))).rejects.toThrow();
    fake.reviews.set('t', ANN);
    later(4_999);
    await expect(by(bearer('t'))).rejects.toThrow();
    later(1);
    expect(await by(bearer('t'))).toMatchObject({ user: 'ann' });
  });

  test('is asked for once when many ask at the same time', async () => {
    fake.reviews.set('t', ANN);
    const { by } = reviewing();
    await Promise.all(Array.from({ length: 20 }, () => by(bearer('t'))));
    expect(fake.asked).toHaveLength(1);
  });

  test('is not asked for when too many already are', async () => {
    fake.reviews.set('t', ANN);
    const { by } = reviewing();
    const release = fake.hold();
    const many = Array.from({ length: 64 }, (_, at) => by(bearer(`made-up-${at}`)).catch(() => 'no'));
    await expect(by(bearer('t'))).rejects.toMatchObject({ code: 'KW_IDENTITY_UNAVAILABLE' });
    release();
    expect(await Promise.all(many)).toEqual(Array.from({ length: 64 }, () => 'no'));
    expect(await by(bearer('t'))).toMatchObject({ user: 'ann' });
  });
});

describe('the end of a token', () => {
  test.each<[string, string, number | undefined]>([
    ['a JWT', jwt({ exp: 10 }), 10_000],
    ['a fraction', jwt({ exp: 10.5 }), 10_500],
    ['a JWT without one', jwt({}), undefined],
    ['a word', jwt({ exp: '10' }), undefined],
    ['no object', jwt(null), undefined],
    ['a list', jwt([1]), undefined],
    ['no JSON', 'a.!!!.c', undefined],
    ['two parts', jwt({ exp: 10 }).replace(/\.[^.]*$/, ''), undefined],
    ['five parts', `${jwt({ exp: 10 })}.x.y`, undefined],
    ['no JWT', 'abc', undefined],
  ])('%s', (_name, token, expected) => {
    expect(expiryOf(token)).toBe(expected);
  });
});
