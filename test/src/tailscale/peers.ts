/** Bodies of who-is as tailscaled writes them: keys that are of no use here included. */

const COMMON = {
  Key: 'nodekey:0101010101010101010101010101010101010101010101010101010101010101',
  KeyExpiry: '2026-12-01T00:00:00Z',
  Machine: 'mkey:0202020202020202020202020202020202020202020202020202020202020202',
  DiscoKey: 'discokey:0303030303030303030303030303030303030303030303030303030303030303',
  Endpoints: ['192.0.2.7:41641'],
  Created: '2024-01-01T00:00:00Z',
  MachineAuthorized: true,
  Capabilities: null,
};

export const CAPABILITY = 'tailscale.com/cap/kubernetes';
export const OLD_CAPABILITY = 'https://tailscale.com/cap/kubernetes';

/** A laptop of a person. */
export function userPeer(capMap?: unknown): unknown {
  return {
    Node: {
      ...COMMON,
      ID: 4711,
      StableID: 'nLaptop1CNTRL',
      Name: 'laptop.tail1234.ts.net.',
      User: 1234567890123456,
      Addresses: ['100.64.0.7/32', 'fd7a:115c:a1e0::7/128'],
      AllowedIPs: ['100.64.0.7/32', 'fd7a:115c:a1e0::7/128'],
      HomeDERP: 4,
      Hostinfo: { OS: 'linux', Hostname: 'laptop', Services: [{ Proto: 'peerapi4', Port: 1 }] },
      CapMap: { 'https://tailscale.com/cap/is-admin': null },
      ComputedName: 'laptop',
    },
    UserProfile: {
      ID: 1234567890123456,
      LoginName: 'ann@corp.com',
      DisplayName: 'Ann',
      ProfilePicURL: 'https://example.com/a.png',
    },
    CapMap: capMap ?? null,
  };
}

/** A machine that belongs to its tags; its user is the one that control makes up for all of those. */
export function taggedPeer(capMap?: unknown): unknown {
  return {
    Node: {
      ...COMMON,
      ID: 4712,
      StableID: 'nRunner2CNTRL',
      Name: 'runner.tail1234.ts.net.',
      User: 6869,
      Tags: ['tag:ci', 'tag:k8s'],
      Addresses: ['100.64.0.8/32', 'fd7a:115c:a1e0::8/128'],
      AllowedIPs: ['100.64.0.8/32', 'fd7a:115c:a1e0::8/128'],
    },
    UserProfile: { ID: 6869, LoginName: 'tagged-devices', DisplayName: 'Tagged Devices', Roles: [] },
    CapMap: capMap ?? null,
  };
}

/** As before there were capability maps: a list of names, the old DERP form, no map at all. */
export function oldPeer(): unknown {
  return {
    Node: {
      ...COMMON,
      ID: 3,
      StableID: 'nOld3CNTRL',
      Name: 'old.tail1234.ts.net.',
      User: 3,
      Addresses: ['100.64.0.9/32'],
      AllowedIPs: ['100.64.0.9/32'],
      DERP: '127.3.3.40:4',
      KeepAlive: true,
    },
    UserProfile: { ID: 3, LoginName: 'bob@corp.com', DisplayName: 'Bob', ProfilePicURL: '', Roles: [] },
    Caps: ['https://tailscale.com/cap/is-admin'],
  };
}
