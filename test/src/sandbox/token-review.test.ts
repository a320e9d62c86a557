import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, call, startCluster } from './cluster.ts';

const REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const dora = { user: 'dora', uid: 'u-1', groups: ['ops'], extra: { team: ['a'] } };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster([
    { token: 'of-dora', identity: dora },
    { token: 'for-others', identity: dora, audiences: ['vault', 'kubewitness'] },
  ]);
});
afterAll(() => cluster.close());

async function review(token: string, audiences?: readonly string[], headers: Record<string, string> = {}) {
  const body = JSON.stringify({
    kind: 'TokenReview',
    apiVersion: 'authentication.k8s.io/v1',
    spec: { token, ...(audiences === undefined ? {} : { audiences }) },
  });
  return call(cluster, 'POST', REVIEWS, {
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
  });
}

describe('TokenReview', () => {
  test('says whose token it is, and what for', async () => {
    const answer = await review('of-dora');
    expect(answer.code).toBe(201);
    expect(JSON.parse(answer.text).status).toEqual({
      authenticated: true,
      user: { username: 'dora', uid: 'u-1', groups: ['ops', 'system:authenticated'], extra: { team: ['a'] } },
      audiences: ['https://kubernetes.default.svc'],
    });
    const others = await review('for-others', ['kubewitness', 'nobody']);
    expect(JSON.parse(others.text).status).toMatchObject({ authenticated: true, audiences: ['kubewitness'] });
  });

  test.each([
    ['a token of nobody', 'none', undefined],
    ['a token for somebody else', 'for-others', undefined],
    ['a token for the API server alone', 'of-dora', ['kubewitness']],
  ])('%s is not authenticated', async (_what, token, audiences) => {
    expect(JSON.parse((await review(token, audiences)).text).status).toEqual({
      user: {},
      error: 'invalid bearer token',
    });
  });

  test('is for the proxy alone', async () => {
    expect((await review('of-dora', undefined, { Authorization: 'Bearer of-dora' })).code).toBe(403);
    expect((await call(cluster, 'GET', REVIEWS)).code).toBe(405);
  });
});

describe('an account of its own', () => {
  const as = (token: string, more: Record<string, string> = {}) =>
    call(cluster, 'POST', WHO, { headers: { Authorization: `Bearer ${token}`, ...more }, body: '{}' });

  test('is known by its token', async () => {
    const { username, groups } = JSON.parse((await as('of-dora')).text).status.userInfo;
    expect({ username, groups }).toEqual({ username: 'dora', groups: ['ops', 'system:authenticated'] });
  });

  test('is not, by a token that is for others', async () => {
    expect((await as('for-others')).code).toBe(401);
  });

  test('may act as nobody else', async () => {
    expect((await as('of-dora', { 'Impersonate-User': 'root' })).code).toBe(403);
  });
});
