import { CAPABILITY, OLD_CAPABILITY } from './peers.ts';

/** One answer of who-is in the shape of a generation of tailscaled (oldest first), and the caller that it comes to. */
export interface PeerShape {
  readonly generation: string;
  readonly what: string;
  readonly body: object;
  readonly caller: {
    readonly user: string;
    readonly groups: readonly string[];
    readonly rules: readonly string[];
  };
}

const GROUPS = { impersonate: { groups: ['dev'] } };
const KEYS = {
  Key: `nodekey:${'01'.repeat(32)}`,
  Machine: `mkey:${'02'.repeat(32)}`,
  DiscoKey: `discokey:${'03'.repeat(32)}`,
};
const LAPTOP = { ID: 4711, StableID: 'nLaptop1CNTRL', Name: 'laptop.tail1234.ts.net.', User: 1234, ...KEYS };
const RUNNER = { ID: 4712, StableID: 'nRunner2CNTRL', Name: 'runner.tail1234.ts.net.', User: 6869, ...KEYS };
const ANN = { ID: 1234, LoginName: 'ann@corp.com', DisplayName: 'Ann' };
const TAGGED = { ID: 6869, LoginName: 'tagged-devices', DisplayName: 'Tagged Devices' };

export const PEER_SHAPES: readonly PeerShape[] = [
  {
    generation: 'no maps yet',
    what: 'no map of capabilities, only names of them; roles, the old relay',
    body: {
      Node: {
        ...LAPTOP,
        DERP: '127.3.3.40:4',
        KeepAlive: true,
        Online: true,
        Capabilities: ['https://x/cap'],
      },
      UserProfile: { ...ANN, ProfilePicURL: '', Roles: [] },
      Caps: ['https://tailscale.com/cap/is-admin', CAPABILITY],
    },
    caller: { user: 'ann@corp.com', groups: [], rules: [] },
  },
  {
    generation: 'the first maps',
    what: 'the map is new, beside the list; the capability has its old name',
    body: {
      Node: { ...LAPTOP, DERP: '127.3.3.40:4', Capabilities: null },
      UserProfile: { ...ANN, ProfilePicURL: '', Roles: [] },
      Caps: null,
      CapMap: { [OLD_CAPABILITY]: [GROUPS] },
    },
    caller: { user: 'ann@corp.com', groups: ['dev'], rules: [`${OLD_CAPABILITY}[0]`] },
  },
  {
    generation: 'maps of nodes',
    what: 'a capability without values is null; the node has a map of its own, which says nothing of the peer',
    body: {
      Node: { ...LAPTOP, CapMap: { [CAPABILITY]: [GROUPS], 'https://x/cap': null } },
      UserProfile: { ...ANN, ProfilePicURL: '' },
      CapMap: { 'tailscale.com/cap/webui': null, [CAPABILITY]: null },
    },
    caller: { user: 'ann@corp.com', groups: [], rules: [] },
  },
  {
    generation: 'the new name',
    what: 'both names, and the new one is heard',
    body: {
      Node: LAPTOP,
      UserProfile: ANN,
      CapMap: { [OLD_CAPABILITY]: [{ impersonate: { groups: ['old'] } }], [CAPABILITY]: [GROUPS] },
    },
    caller: { user: 'ann@corp.com', groups: ['dev'], rules: [`${CAPABILITY}[0]`] },
  },
  {
    generation: 'the recorders',
    what: 'a tagged node whose user is left out',
    body: {
      Node: { ...RUNNER, User: undefined, Tags: ['tag:ci'] },
      UserProfile: { LoginName: 'tagged-devices' },
      CapMap: { [CAPABILITY]: [{ recorderAddrs: ['[fd7a:115c:a1e0::2]:80'], recorder: ['tag:recorder'] }] },
    },
    caller: { user: 'runner.tail1234.ts.net', groups: ['tag:ci'], rules: [`${CAPABILITY}[0]`] },
  },
  {
    generation: 'the events',
    what: 'a tagged node that is granted a group, with keys of newer versions',
    body: {
      Node: { ...RUNNER, Tags: ['tag:ci', 'tag:k8s'], HomeDERP: 4, IsJailed: true },
      UserProfile: { ...TAGGED, Groups: ['group:all'] },
      CapMap: { [CAPABILITY]: [{ ...GROUPS, enableEvents: true, enableSessionRecordings: true }] },
    },
    caller: { user: 'runner.tail1234.ts.net', groups: ['dev'], rules: [`${CAPABILITY}[0]`] },
  },
  {
    generation: 'zeroes left out',
    what: 'what is empty is left out',
    body: { Node: LAPTOP, UserProfile: { LoginName: 'ann@corp.com' } },
    caller: { user: 'ann@corp.com', groups: [], rules: [] },
  },
];

/** One answer of status, and what is read of it. */
export const STATUS_SHAPES: readonly {
  readonly what: string;
  readonly body: object;
  readonly read: object;
}[] = [
  {
    what: 'the oldest: no tailnet, no domains of certificates',
    body: {
      BackendState: 'Running',
      AuthURL: '',
      TailscaleIPs: ['100.64.0.1'],
      Self: null,
      Health: null,
      Peer: null,
    },
    read: { backendState: 'Running', addresses: ['100.64.0.1'], certificateDomains: [], health: [] },
  },
  {
    what: 'a tailnet without a suffix',
    body: {
      Version: '1.34.0',
      BackendState: 'Starting',
      TailscaleIPs: null,
      CurrentTailnet: { Name: 'corp.com' },
    },
    read: { backendState: 'Starting', magicDnsSuffix: undefined, addresses: [] },
  },
  {
    what: 'complaints as a list',
    body: { BackendState: 'NeedsLogin', Health: ['not logged in'], CurrentTailnet: null, CertDomains: null },
    read: { backendState: 'NeedsLogin', health: ['not logged in'] },
  },
  {
    what: 'everything',
    body: {
      Version: '1.103.0',
      TUN: false,
      BackendState: 'Running',
      HaveNodeKey: true,
      TailscaleIPs: ['100.64.0.1', 'fd7a:115c:a1e0::1'],
      Health: [],
      CurrentTailnet: { Name: 'corp.com', MagicDNSSuffix: 'tail1234.ts.net', MagicDNSEnabled: true },
      CertDomains: ['kube.tail1234.ts.net'],
      ClientVersion: null,
    },
    read: {
      magicDnsSuffix: 'tail1234.ts.net',
      addresses: ['100.64.0.1', 'fd7a:115c:a1e0::1'],
      certificateDomains: ['kube.tail1234.ts.net'],
    },
  },
];
