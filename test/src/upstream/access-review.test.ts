import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { mayWe } from '../../../src/upstream/access-review.ts';
import { plainUpstream } from './plain-upstream.ts';

/** The endpoint of authorization.k8s.io/v1, with this answer. */
async function upstreamThat(status: number, answer: (review: object) => unknown) {
  const asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += String(piece);
    const review: object = JSON.parse(text);
    asked.push([request.method, request.url, request.headers.authorization, review]);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer(review)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { upstream: plainUpstream(address.port, { pathPrefix: '/k8s/c1' }), asked };
}

const question = { verb: 'impersonate', resource: 'users' };
const limits = { timeoutMs: 10_000 };

test('asks the API server about ourselves, with our credential', async () => {
  const { upstream, asked } = await upstreamThat(201, review => ({ ...review, status: { allowed: true } }));
  expect(await mayWe(upstream, question, limits)).toBe(true);
  expect(asked).toEqual([
    [
      'POST',
      '/k8s/c1/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      'Bearer proxy-token',
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: question },
      },
    ],
  ]);
});

test.each([
  ['a no', 201, (review: object) => ({ ...review, status: { allowed: false } }), false],
  ['a status without a word', 201, (review: object) => ({ ...review, status: {} }), false],
])('%s is no', async (_what, status, answer, allowed) => {
  const { upstream } = await upstreamThat(status, answer);
  expect(await mayWe(upstream, question, limits)).toBe(allowed);
});

test.each([
  ['another object', 201, { kind: 'Status', status: { allowed: true } }, /not a SelfSubjectAccessReview/],
  ['a refusal', 403, { kind: 'SelfSubjectAccessReview', status: { allowed: true } }, /answered 403/],
])('%s is no answer', async (_what, status, body, words) => {
  const { upstream } = await upstreamThat(status, () => body);
  await expect(mayWe(upstream, question, limits)).rejects.toThrow(words);
});
