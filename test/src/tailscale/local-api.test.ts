import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalApi } from '../../../src/tailscale/local-api.ts';
import type { FakeAnswer, FakeLocalApi } from './fake-local-api.ts';
import { fakeLocalApi } from './fake-local-api.ts';
import { CAPABILITY, oldPeer, taggedPeer, userPeer } from './peers.ts';

let fake: FakeLocalApi;
beforeEach(async () => {
  fake = await fakeLocalApi();
});
afterEach(() => fake.close());

const api = (askMs = 20_000) => openLocalApi({ socketPath: fake.socketPath, askMs });
const NOBODY = 65_534;
const LAPTOP = { address: '100.64.0.7', port: 40_000 };

describe('who-is', () => {
  test('a person with a capability', async () => {
    const rules = [{ impersonate: { groups: ['dev'] } }];
    fake.peers.set('100.64.0.7:40000', userPeer({ [CAPABILITY]: rules, 'example.com/other': null }));
    expect(await api().whoIs(LAPTOP)).toEqual({
      node: {
        name: 'laptop.tail1234.ts.net.',
        stableId: 'nLaptop1CNTRL',
        userId: 1234567890123456,
        tags: [],
      },
      user: { id: 1234567890123456, loginName: 'ann@corp.com' },
      capabilities: new Map<string, unknown>([
        [CAPABILITY, rules],
        ['example.com/other', []],
      ]),
    });
    expect(fake.asked).toEqual(['/localapi/v0/whois?addr=100.64.0.7%3A40000']);
  });

  test('a tagged machine by IPv6, without capabilities', async () => {
    fake.peers.set('[fd7a:115c:a1e0::8]', taggedPeer());
    const peer = await api().whoIs({ address: 'fd7a:115c:a1e0::8', port: 1 });
    expect(peer.node).toMatchObject({ name: 'runner.tail1234.ts.net.', tags: ['tag:ci', 'tag:k8s'] });
    expect(peer.capabilities.size).toBe(0);
  });

  test('an answer from before capability maps', async () => {
    fake.peers.set('100.64.0.9', oldPeer());
    const peer = await api().whoIs({ address: '100.64.0.9', port: 1 });
    expect(peer).toMatchObject({ user: { loginName: 'bob@corp.com' }, capabilities: new Map() });
  });

  test('an IPv4 client of a listener on :: is asked for by its plain address', async () => {
    fake.peers.set('100.64.0.7:40000', userPeer());
    expect(await api().whoIs({ address: '::ffff:100.64.0.7', port: 40_000 })).toBeDefined();
  });

  test('nobody at that address', async () => {
    await expect(api().whoIs(LAPTOP)).rejects.toMatchObject({ kind: 'peerUnknown' });
  });

  test.each(['NeedsLogin', 'NoState', 'Stopped', 'Starting', 'NeedsMachineAuth'])(
    'nobody, because the state is %s',
    async state => {
      fake.backendState = state;
      await expect(api().whoIs(LAPTOP)).rejects.toMatchObject({
        kind: 'notLoggedIn',
        message: expect.stringContaining(state),
      });
    },
  );

  test.each<[string, FakeAnswer, string]>([
    ['a refusal', { status: 403, body: 'access denied' }, 'denied'],
    ['an error of its own', { status: 500, body: '{"error":"boom"}' }, 'unavailable'],
    ['a bad request', { status: 400, body: 'invalid addr' }, 'badAnswer'],
    ['something else', { status: 204, body: '' }, 'badAnswer'],
    ['no JSON', { status: 200, body: '<html>' }, 'badAnswer'],
    ['no peer', { status: 200, body: '{}' }, 'badAnswer'],
    ['a peer without a profile', { status: 200, body: '{"Node":{"Name":"a.","StableID":"n"}}' }, 'badAnswer'],
    [
      'capabilities that are no lists',
      { status: 200, body: JSON.stringify(userPeer({ [CAPABILITY]: { enforceRecorder: true } })) },
      'badAnswer',
    ],
    [
      'tags that are no list',
      {
        status: 200,
        body: '{"Node":{"Name":"a.","StableID":"n","Tags":"tag:a"},"UserProfile":{"LoginName":"a"}}',
      },
      'badAnswer',
    ],
    [
      'more than anybody needs',
      { status: 200, body: `${' '.repeat(1024 * 1024)}${JSON.stringify(userPeer())}` },
      'badAnswer',
    ],
    ['something that is not HTTP', 'garbage', 'badAnswer'],
    ['a closed connection', 'reset', 'unavailable'],
    ['half an answer', 'half', 'unavailable'],
  ])('%s', async (_name, answer, kind) => {
    fake.answers.set('whois', answer);
    const failure: unknown = await api()
      .whoIs(LAPTOP)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'LocalApiError', kind });
  });

  test('silence ends by the limit', async () => {
    fake.answers.set('whois', 'silence');
    await expect(api(50).whoIs(LAPTOP)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('50 ms'),
    });
  });

  test('the words of tailscaled are kept for the log, and not all of them', async () => {
    fake.answers.set('whois', { status: 500, body: `boom ${'x'.repeat(1000)}` });
    const failure: unknown = await api()
      .whoIs(LAPTOP)
      .catch((error: unknown) => error);
    expect(String(failure)).toContain('boom');
    expect(String(failure).length).toBeLessThan(300);
  });
});

describe('the socket', () => {
  test('is not there', async () => {
    const gone = openLocalApi({ socketPath: `${fake.socketPath}.gone` });
    await expect(gone.status()).rejects.toMatchObject({ kind: 'socketMissing' });
  });

  test('is there, and nobody listens', async () => {
    const path = `${fake.socketPath}.file`;
    writeFileSync(path, '');
    await expect(openLocalApi({ socketPath: path }).status()).rejects.toMatchObject({ kind: 'unavailable' });
    rmSync(path);
  });

  test('may not be used', async () => {
    chmodSync(fake.socketPath, 0o000);
    // Root may use every socket, so it steps down for this one.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      await expect(api().status()).rejects.toMatchObject({ kind: 'denied' });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});

describe('status', () => {
  test('connected', async () => {
    expect(await api().status()).toEqual({
      backendState: 'Running',
      magicDnsSuffix: 'tail1234.ts.net',
      addresses: ['100.64.0.1', 'fd7a:115c:a1e0::1'],
      certificateDomains: ['kube.tail1234.ts.net'],
      health: [],
    });
  });

  test('not connected: no tailnet, no addresses, a complaint', async () => {
    fake.backendState = 'NeedsLogin';
    expect(await api().status()).toMatchObject({
      backendState: 'NeedsLogin',
      magicDnsSuffix: undefined,
      addresses: [],
      health: ['not logged in'],
    });
  });
});
