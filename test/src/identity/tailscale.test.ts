import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Grant } from '../../../src/identity/grants.ts';
import { firstThatKnows } from '../../../src/identity/sources.ts';
import { tailscaleSource } from '../../../src/identity/tailscale.ts';
import { decideSession } from '../../../src/policy/decide.ts';
import { openLocalApi } from '../../../src/tailscale/local-api.ts';
import type { FakeLocalApi } from '../tailscale/fake-local-api.ts';
import { fakeLocalApi } from '../tailscale/fake-local-api.ts';
import { CAPABILITY, OLD_CAPABILITY, oldPeer, taggedPeer, userPeer } from '../tailscale/peers.ts';

let fake: FakeLocalApi;
beforeEach(async () => {
  fake = await fakeLocalApi();
});
afterEach(() => fake.close());

function source(
  grants: readonly Grant[] = [],
  watch?: { backend: { state: string | undefined }; changes: number },
) {
  let now = 0;
  const warned: object[] = [];
  const authenticate = firstThatKnows([
    tailscaleSource({
      localApi: openLocalApi({ socketPath: fake.socketPath }),
      ...(watch === undefined ? {} : { watch }),
      grants,
      clock: { monotonic: () => now },
      log: { warn: fields => warned.push(fields) },
    }),
  ]);
  return {
    warned,
    later: (ms: number) => {
      now += ms;
    },
    by: (remoteAddress: string | undefined, remotePort: number | undefined = 40_000) =>
      authenticate({ rawHeaders: [], remoteAddress, remotePort }),
  };
}

const rule = (extra: object = {}) => ({ impersonate: { groups: ['dev'] }, ...extra });
const LAPTOP = '100.64.0.7';
const RUNNER = '100.64.0.8';

describe('a caller of the tailnet', () => {
  test('a person goes by the login name, with the groups that the policy grants', async () => {
    const rules = [rule(), rule({ recorderAddrs: ['100.64.0.2:80'], enforceRecorder: true })];
    fake.peers.set(LAPTOP, userPeer({ [CAPABILITY]: rules }));
    expect(await source().by(LAPTOP)).toMatchObject({
      user: 'ann@corp.com',
      groups: ['dev'],
      source: 'tailscale',
      rules: [
        { origin: `${CAPABILITY}[0]`, impersonateGroups: ['dev'], recorderAddrs: [], enforceRecorder: false },
        {
          origin: `${CAPABILITY}[1]`,
          impersonateGroups: ['dev'],
          recorderAddrs: ['100.64.0.2:80'],
          enforceRecorder: true,
        },
      ],
      device: {
        node: 'laptop.tail1234.ts.net',
        nodeId: 'nLaptop1CNTRL',
        tags: [],
        userId: 1234567890123456,
        userName: 'ann@corp.com',
      },
    });
  });

  test('a person who is granted nothing has no groups and no rules', async () => {
    fake.peers.set(LAPTOP, userPeer());
    fake.peers.set('100.64.0.9', oldPeer());
    expect(await source().by(LAPTOP)).toMatchObject({ user: 'ann@corp.com', groups: [], rules: [] });
    expect(await source().by('100.64.0.9')).toMatchObject({ user: 'bob@corp.com', groups: [], rules: [] });
  });

  test('a tagged machine goes by its name, and by the granted groups only', async () => {
    fake.peers.set(RUNNER, taggedPeer({ [CAPABILITY]: [rule()] }));
    expect(await source().by(RUNNER)).toMatchObject({
      user: 'runner.tail1234.ts.net',
      groups: ['dev'],
      device: { node: 'runner.tail1234.ts.net', nodeId: 'nRunner2CNTRL', tags: ['tag:ci', 'tag:k8s'] },
    });
  });

  test.each([
    ['no capability', undefined],
    ['a capability without groups', { [CAPABILITY]: [{ enforceRecorder: true }] }],
  ])('a tagged machine with %s stands for its tags', async (_name, capMap) => {
    fake.peers.set(RUNNER, taggedPeer(capMap));
    const caller = await source().by(RUNNER);
    expect(caller.groups).toEqual(['tag:ci', 'tag:k8s']);
    expect(caller.device).not.toHaveProperty('userName');
  });

  test('the old name of the capability is heard about groups alone, and only when the new one is silent', async () => {
    const old = [
      { impersonate: { groups: ['old'] }, recorderAddrs: ['100.64.0.2:80'], enforceRecorder: true },
    ];
    fake.peers.set(LAPTOP, userPeer({ [OLD_CAPABILITY]: old, [CAPABILITY]: [] }));
    const caller = await source().by(LAPTOP);
    expect(caller.groups).toEqual(['old']);
    expect(caller.rules).toEqual([
      {
        origin: `${OLD_CAPABILITY}[0]`,
        impersonateGroups: ['old'],
        recorderAddrs: [],
        enforceRecorder: false,
      },
    ]);

    fake.peers.set(LAPTOP, userPeer({ [OLD_CAPABILITY]: old, [CAPABILITY]: [{}] }));
    expect((await source().by(LAPTOP)).groups).toEqual([]);
  });

  test('grants of our own configuration hold beside the capability', async () => {
    const own = {
      origin: 'grants[0]',
      impersonateGroups: ['own'],
      recorderAddrs: ['r:80'],
      enforceRecorder: true,
    };
    const grants: Grant[] = [{ subjects: [{ user: '*@corp.com' }, { group: 'tag:ci' }], rule: own }];
    fake.peers.set(LAPTOP, userPeer({ [CAPABILITY]: [rule()] }));
    fake.peers.set(RUNNER, taggedPeer());
    expect(await source(grants).by(LAPTOP)).toMatchObject({ groups: ['dev', 'own'], rules: [{}, own] });
    expect(await source(grants).by(RUNNER)).toMatchObject({ groups: ['own'], rules: [own] });
  });

  test('grants by tag hold for the device, on top of its capability, and stay when it acts as somebody', async () => {
    const own = { origin: 'grants[0]', impersonateGroups: [], recorderAddrs: [], enforceRecorder: true };
    const grants: Grant[] = [{ subjects: [{ tag: 'tag:k*' }], rule: own }];
    fake.peers.set(LAPTOP, userPeer({ [CAPABILITY]: [rule()] }));
    fake.peers.set(RUNNER, taggedPeer({ [CAPABILITY]: [{ recorderAddrs: ['100.64.0.1:80'] }] }));
    expect((await source(grants).by(LAPTOP)).rules).toHaveLength(1);
    const runner = await source(grants).by(RUNNER);
    expect(runner.rules).toMatchObject([{ origin: `${CAPABILITY}[0]` }, own]);
    expect(decideSession(runner.rules)).toMatchObject({ failMode: 'closed', recorders: ['100.64.0.1:80'] });
  });

  test.each<[string, unknown]>([
    ['one value that is no rule', { [CAPABILITY]: [{}, 'x'] }],
    ['a bad address', { [CAPABILITY]: [{ recorderAddrs: ['recorder'] }] }],
    ['the old name', { [OLD_CAPABILITY]: [{ impersonate: 1 }] }],
  ])('rules that cannot be read refuse the caller: %s', async (_name, capMap) => {
    fake.peers.set(LAPTOP, userPeer(capMap));
    await expect(source().by(LAPTOP)).rejects.toMatchObject({ code: 'KW_RULES_UNREADABLE', status: 403 });
  });

  test('is asked for by address and port, IPv6 as well', async () => {
    fake.peers.set('[fd7a:115c:a1e0::8]:40000', taggedPeer());
    fake.peers.set('100.64.0.7:40000', userPeer());
    expect(await source().by('fd7a:115c:a1e0::8')).toMatchObject({ user: 'runner.tail1234.ts.net' });
    expect(await source().by('::ffff:100.64.0.7')).toMatchObject({ user: 'ann@corp.com' });
    await expect(source().by(LAPTOP, 40_001)).rejects.toMatchObject({ code: 'KW_FORBIDDEN' });
  });

  test('who is no peer is refused, and so is a connection that has ended', async () => {
    await expect(source().by('10.0.0.1')).rejects.toMatchObject({ code: 'KW_FORBIDDEN', status: 403 });
    await expect(source().by(undefined)).rejects.toMatchObject({ code: 'KW_FORBIDDEN' });
    expect(source().warned).toEqual([]);
  });

  test.each<[string, () => void, string]>([
    ['is not connected', () => (fake.backendState = 'NeedsLogin'), 'it is not connected to a tailnet'],
    ['refuses', () => fake.answers.set('whois', { status: 403, body: 'secret' }), 'does not let'],
    ['has an error', () => fake.answers.set('whois', { status: 500, body: 'secret' }), 'does not answer'],
    ['talks nonsense', () => fake.answers.set('whois', { status: 200, body: 'secret' }), 'cannot be read'],
  ])('tailscaled that %s is an outage, told without its words', async (_name, arrange, words) => {
    arrange();
    const { by, warned } = source();
    const failure: unknown = await by(LAPTOP).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'KW_IDENTITY_UNAVAILABLE',
      status: 503,
      message: expect.stringContaining(words),
    });
    expect(String(failure)).not.toContain('secret');
    expect(warned).toHaveLength(1);
  });

  test('a missing tailscaled is an outage', async () => {
    const gone = tailscaleSource({
      localApi: openLocalApi({ socketPath: '/nowhere/tailscaled.sock' }),
      grants: [],
      clock: { monotonic: () => 0 },
      log: { warn: () => {} },
    });
    const failure: unknown = await gone
      .find({ rawHeaders: [], remoteAddress: LAPTOP, remotePort: 1 })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'KW_IDENTITY_UNAVAILABLE' });
    expect(String(failure)).not.toContain('/nowhere');
  });
});

describe('what tailscaled said', () => {
  test('holds for five seconds on one connection', async () => {
    fake.peers.set(LAPTOP, userPeer());
    const { by, later } = source();
    await by(LAPTOP, 1);
    later(4_999);
    await by(LAPTOP, 1);
    expect(fake.asked).toHaveLength(1);
    later(1);
    await by(LAPTOP, 1);
    expect(fake.asked).toHaveLength(2);
    await by(LAPTOP, 2);
    expect(fake.asked).toHaveLength(3);
  });

  test('is asked once for requests at the same time', async () => {
    fake.peers.set(LAPTOP, userPeer());
    const { by } = source();
    await Promise.all(Array.from({ length: 10 }, () => by(LAPTOP)));
    expect(fake.asked).toHaveLength(1);
  });

  test('does not hold where the port alone tells peers apart', async () => {
    fake.peers.set('[::1]:5000', userPeer());
    const { by } = source();
    for (const loopback of ['127.0.0.1', '::ffff:127.0.0.1', '::1']) {
      fake.peers.set('127.0.0.1:5000', userPeer());
      expect(await by(loopback, 5000)).toMatchObject({ user: 'ann@corp.com' });
      fake.peers.set('127.0.0.1:5000', taggedPeer());
      if (loopback === '::1') fake.peers.set('[::1]:5000', taggedPeer());
      expect(await by(loopback, 5000)).toMatchObject({ user: 'runner.tail1234.ts.net' });
    }
  });

  test('is not remembered when it was no', async () => {
    const { by } = source();
    await expect(by(LAPTOP)).rejects.toThrow();
    fake.peers.set(LAPTOP, userPeer());
    expect(await by(LAPTOP)).toMatchObject({ user: 'ann@corp.com' });
  });
});

describe('what tailscaled says of itself', () => {
  const heard = (state: string | undefined) => ({ backend: { state }, changes: 0 });

  test.each([
    ['NeedsLogin', 'logged out'],
    ['NeedsMachineAuth', 'approved'],
    ['Stopped', 'stopped'],
    ['InUseOtherUser', 'somebody else'],
  ])('%s: everybody is refused at once, and nobody is asked about', async (state, words) => {
    fake.peers.set(LAPTOP, userPeer());
    await expect(source([], heard(state)).by(LAPTOP)).rejects.toMatchObject({
      code: 'KW_IDENTITY_UNAVAILABLE',
      status: 503,
      message: expect.stringContaining(words),
    });
    expect(fake.asked).toEqual([]);
  });

  test.each([['Running'], ['Starting'], ['State42'], [undefined]])('%s: it is asked', async state => {
    fake.peers.set(LAPTOP, userPeer());
    expect(await source([], heard(state)).by(LAPTOP)).toMatchObject({ user: 'ann@corp.com' });
  });

  test('what was learnt before a change does not hold after it', async () => {
    const watch = heard('Running');
    const { by } = source([], watch);
    fake.peers.set(LAPTOP, userPeer());
    await by(LAPTOP);
    await by(LAPTOP);
    expect(fake.asked).toHaveLength(1);
    fake.peers.clear();
    watch.changes += 1;
    await expect(by(LAPTOP)).rejects.toMatchObject({ code: 'KW_FORBIDDEN' });
  });
});
