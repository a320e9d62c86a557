import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WitnessError } from '../../../src/errors.ts';
import { firstThatKnows } from '../../../src/identity/sources.ts';
import { tailscaleSource } from '../../../src/identity/tailscale.ts';
import { readUpgrade } from '../../../src/kube/upgrade.ts';
import { decideRequest, decideSession } from '../../../src/policy/decide.ts';
import { openLocalApi } from '../../../src/tailscale/local-api.ts';
import type { FakeLocalApi } from '../tailscale/fake-local-api.ts';
import { fakeLocalApi } from '../tailscale/fake-local-api.ts';
import { CAPABILITY, userPeer } from '../tailscale/peers.ts';

let fake: FakeLocalApi;
beforeAll(async () => {
  fake = await fakeLocalApi();
});
afterAll(() => fake.close());

const ADDRS = { recorderAddrs: ['100.64.0.2:80'] };
const ENFORCED = { enforceRecorder: true };

/** Who calls: nobody that is known, nobody since tailscaled fails, or a person with such rules. */
type Who = 'stranger' | 'outage' | readonly unknown[];

async function rulesOf(who: Who) {
  const localApi = openLocalApi({ socketPath: fake.socketPath });
  if (who === 'outage') fake.answers.set('whois', 'reset');
  else fake.answers.delete('whois');
  if (typeof who === 'string') fake.peers.clear();
  else fake.peers.set('100.64.0.7', userPeer({ [CAPABILITY]: who }));
  const authenticate = firstThatKnows([
    tailscaleSource({ localApi, grants: [], clock: { monotonic: () => 0 }, log: { warn: () => {} } }),
  ]);
  const { rules } = await authenticate({ rawHeaders: [], remoteAddress: '100.64.0.7', remotePort: 1 });
  return rules;
}

/** What becomes of it, in one line: the answer to the client, or what is done with the request. */
async function outcome(run: () => Promise<string>): Promise<string> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof WitnessError)) throw error;
    return `${error.status} ${error.code}`;
  }
}

function said(decision: ReturnType<typeof decideSession> | ReturnType<typeof decideRequest>): string {
  if (decision.kind === 'refuse') throw new WitnessError(decision.code, decision.message);
  return decision.kind === 'record' ? `recorded, fails ${decision.failMode}` : decision.kind;
}

describe('an ordinary request, branch by branch', () => {
  test.each<[string, Who, string, string]>([
    ['1 nobody is known', 'stranger', '500 text', '403 KW_FORBIDDEN'],
    ['1 who-is fails', 'outage', '500 text', '503 KW_IDENTITY_UNAVAILABLE'],
    ['2 rules cannot be read', [{ recorderAddrs: ['x'] }], '200, empty', '403 KW_RULES_UNREADABLE'],
    ['3 nothing is asked for', [{}], 'pass', 'pass'],
    ['4 enforced, and no recorder is named', [ENFORCED], '403 for every request', 'pass'],
    ['6 recorders are named', [ADDRS, ENFORCED], 'pass', 'pass'],
  ])('%s', async (_branch, who, reference, ours) => {
    expect(reference).not.toBe('');
    expect(await outcome(async () => said(decideRequest(await rulesOf(who), 'plain')))).toBe(ours);
  });

  test.each<[string, Parameters<typeof decideRequest>[1], string, string]>([
    ['port-forward', 'tunnel', 'pass', '403 KW_FORBIDDEN'],
    ['exec by way of the kubelet', 'node', 'pass', '403 KW_FORBIDDEN'],
    ['a container added to a pod', 'debug', 'pass', '403 KW_FORBIDDEN'],
  ])('enforced, and a road around the recorder: %s', async (_road, requestClass, reference, ours) => {
    expect(reference).toBe('pass');
    expect(
      await outcome(async () => said(decideRequest(await rulesOf([ADDRS, ENFORCED]), requestClass))),
    ).toBe(ours);
  });
});

describe('a session, branch by branch', () => {
  test.each<[string, Who, string, string]>([
    ['1 nobody is known', 'stranger', '500 text', '403 KW_FORBIDDEN'],
    ['1 who-is fails', 'outage', '500 text', '503 KW_IDENTITY_UNAVAILABLE'],
    ['3 rules cannot be read', [ENFORCED, 7], '200, empty', '403 KW_RULES_UNREADABLE'],
    ['4 nothing is asked for', [{}], 'pass', 'pass'],
    ['5 enforced, and no recorder is named', [ENFORCED], '403 text', '403 KW_RECORDER_UNAVAILABLE'],
    ['9 recorders are named', [ADDRS], 'recorded after the command started', 'recorded, fails open'],
    ['9 and enforced, in another rule', [ADDRS, ENFORCED], 'the same', 'recorded, fails closed'],
  ])('%s', async (_branch, who, reference, ours) => {
    expect(reference).not.toBe('');
    expect(await outcome(async () => said(decideSession(await rulesOf(who))))).toBe(ours);
  });

  const websocket = (upgrade: string) => [
    ...['Connection', 'Upgrade', 'Upgrade', upgrade, 'Sec-WebSocket-Version', '13'],
    ...['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol', 'v5.channel.k8s.io'],
  ];
  const spdy = [
    'Connection',
    'Upgrade',
    'Upgrade',
    'SPDY/3.1',
    'X-Stream-Protocol-Version',
    'v4.channel.k8s.io',
  ];

  test.each<[string, string, readonly string[], string, string]>([
    ['8 WebSocket in other letters', 'GET', websocket('WebSocket'), 'unrecorded', 'websocket'],
    ['8 SPDY by GET', 'GET', spdy, 'unrecorded', 'spdy'],
    ['8 another protocol', 'GET', websocket('h2c'), 'unrecorded', '400 KW_BAD_REQUEST'],
  ])('%s', async (_branch, method, headers, reference, ours) => {
    expect(reference).toBe('unrecorded');
    expect(await outcome(async () => readUpgrade(method, headers)?.transport ?? 'none')).toBe(ours);
  });
});
