import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callerOfPeer } from '../../../src/identity/peer-caller.ts';
import { openLocalApi } from '../../../src/tailscale/local-api.ts';
import type { FakeLocalApi } from './fake-local-api.ts';
import { fakeLocalApi } from './fake-local-api.ts';
import { PEER_SHAPES, STATUS_SHAPES } from './versions.ts';

let fake: FakeLocalApi;
beforeAll(async () => {
  fake = await fakeLocalApi();
});
afterAll(() => fake.close());

const api = () => openLocalApi({ socketPath: fake.socketPath });

describe('who-is of several generations', () => {
  test.each(PEER_SHAPES)('$generation: $what', async ({ body, caller }) => {
    fake.peers.set('100.64.0.7:40000', body);
    // As a listener on `::` shows an IPv4 peer.
    const peer = await api().whoIs({ address: '::ffff:100.64.0.7', port: 40_000 });
    const { user, groups, rules } = callerOfPeer(peer, []);
    expect({ user, groups, rules: rules.map(({ origin }) => origin) }).toEqual(caller);
  });
});

describe('status of several generations', () => {
  test.each(STATUS_SHAPES)('$what', async ({ body, read }) => {
    fake.answers.set('status', { status: 200, body: JSON.stringify(body) });
    expect(await api().status()).toMatchObject(read);
  });
});
