import { describe, expect, test } from 'vitest';
import type { Peer } from './peer.ts';
import { POLICIES, startRig } from './rig.ts';
import { openSession, refusal, valuesIn } from './session.ts';
import { CATQ, upgradeRequest } from './speech.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = (target: string, more: readonly string[] = []): string =>
  [`GET ${target} HTTP/1.1`, 'Host: proxy.test', ...more, 'Authorization: Bearer open', '', ''].join('\r\n');

async function isRefused(client: Peer, words: string): Promise<void> {
  const { code, status } = await refusal(client);
  expect(code).toBe(429);
  expect(status).toMatchObject({
    kind: 'Status',
    reason: 'TooManyRequests',
    details: { retryAfterSeconds: 1 },
    message: expect.stringContaining(words),
  });
  expect(client.text).toMatch(/^retry-after: 1\r$/im);
}

describe('requests in flight', () => {
  test('one too many is refused before anybody is asked who calls, and a slot that is freed is free', async () => {
    const rig = await startRig({ limits: { requests: 1 } });
    const [first, second, third] = [await rig.client(), await rig.client(), await rig.client()];
    first.send(get('/api/v1/pods'));
    const upstream = await rig.upstream.next();
    await upstream.head();
    second.send(get('/api/v1/pods').replace('Bearer open', 'Bearer nobody'));
    await isRefused(second, 'requests in flight');
    // An upgrade takes a slot too, until it has begun.
    third.send(upgradeRequest('websocket', { token: 'open' }));
    await isRefused(third, 'requests in flight');
    expect(rig.audit).toMatchObject([
      { type: 'request.refused', code: 'KW_OVERLOADED' },
      { type: 'request.refused', code: 'KW_OVERLOADED' },
    ]);

    upstream.send(OK);
    await first.until('ok');
    first.send(get('/api/v1/pods'));
    upstream.send(OK);
    await first.until('ok');
  });

  test('a client that leaves gives its slot back', async () => {
    const rig = await startRig({ limits: { requests: 1 } });
    const first = await rig.client();
    first.send(get('/api/v1/pods'));
    const upstream = await rig.upstream.next();
    await upstream.head();
    first.rst();
    await upstream.left;
    const second = await rig.client();
    second.send(get('/api/v1/pods'));
    (await rig.upstream.next()).send(OK);
    await second.until('ok');
  });

  test('a watch holds a slot of its own kind only', async () => {
    const rig = await startRig({ limits: { requests: 1, longRunning: 1 } });
    const [watcher, other, plain] = [await rig.client(), await rig.client(), await rig.client()];
    watcher.send(get('/api/v1/pods?watch=true'));
    const watched = await rig.upstream.next();
    await watched.head();
    other.send(get('/api/v1/pods?watch=true'));
    await isRefused(other, 'watches');
    plain.send(get('/api/v1/pods'));
    (await rig.upstream.next()).send(OK);
    await plain.until('ok');
  });
});

describe.each(POLICIES)('live sessions (%s)', policy => {
  test('are bounded for each caller, and for all together', async () => {
    const rig = await startRig({ limits: { sessions: 2, sessionsPerCaller: 1 } });
    const other = policy === 'open' ? 'closed' : 'open';
    const mine = await openSession(rig, { policy, transport: 'websocket' }, { target: CATQ });
    const second = await rig.client();
    second.send(upgradeRequest('spdy', { token: policy }));
    await isRefused(second, 'live sessions of one caller');

    await openSession(rig, { policy: other, transport: 'spdy' }, { target: CATQ });
    // What is refused has reached neither a recorder nor upstream.
    expect(rig.recorder.uploads).toHaveLength(2);
    expect(rig.upstream.peers).toHaveLength(2);
    mine.client.rst();
    await rig.ended();
    await openSession(rig, { policy, transport: 'websocket' }, { target: CATQ });
  });

  test('nobody gets one more than there may be in all', async () => {
    const rig = await startRig({ limits: { sessions: 1 } });
    await openSession(rig, { policy, transport: 'websocket' }, { target: CATQ });
    const next = await rig.client();
    next.send(upgradeRequest('websocket', { token: policy === 'open' ? 'closed' : 'open' }));
    await isRefused(next, '1 live sessions');
  });
});

test('no header line is left out, however many there are', async () => {
  const rig = await startRig();
  const client = await rig.client();
  // The credential comes last, behind what Node would keep by itself.
  client.send(
    get(
      '/api/v1/pods',
      Array.from({ length: 3_000 }, () => 'X-A: b'),
    ),
  );
  const upstream = await rig.upstream.next();
  expect(valuesIn(await upstream.head(), 'impersonate-user')).toEqual(['open@test']);
});
