import { expect, test } from 'vitest';
import { POLICIES, startRig } from './rig.ts';
import { fateOf } from './roads.ts';
import { row } from './session.ts';
import type { RequestOptions, Transport } from './speech.ts';
import { ATTACH, EXECQ, upgradeRequest } from './speech.ts';

const WEBSOCKET_LINES = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw=='];
const BOTH_PROTOCOLS = [
  'Sec-WebSocket-Protocol: v5.channel.k8s.io',
  'X-Stream-Protocol-Version: v4.channel.k8s.io',
];

const RECORDED: readonly (readonly [
  row: string,
  what: string,
  transport: Transport,
  options: RequestOptions,
])[] = [
  ['R06 B016', 'SPDY by GET', 'spdy', { method: 'GET' }],
  ['R06 B016', 'SPDY by POST', 'spdy', {}],
  ['B016', 'WebSocket by GET', 'websocket', {}],
  [
    'R08',
    'WebSocket in other letters',
    'websocket',
    { upgrade: ['Connection: keep-alive, UPGRADE', 'Upgrade: WebSocket', ...WEBSOCKET_LINES] },
  ],
  ['R09', 'base64', 'websocket', { protocols: ['Sec-WebSocket-Protocol: base64.channel.k8s.io'] }],
  ['R09', 'v4.base64', 'websocket', { protocols: ['Sec-WebSocket-Protocol: v4.base64.channel.k8s.io'] }],
  [
    'R09',
    'one known name of several',
    'websocket',
    { protocols: ['Sec-WebSocket-Protocol: x.y, channel.k8s.io'] },
  ],
  ['R15 B019', 'attach over WebSocket', 'websocket', { target: `${ATTACH}?stdin=true&stdout=true&tty=true` }],
  ['R15 B019', 'attach over SPDY', 'spdy', { target: `${ATTACH}?stdin=true&stdout=true&tty=true` }],
];

const REFUSED: readonly (readonly [
  row: string,
  what: string,
  transport: Transport,
  options: RequestOptions,
])[] = [
  ['R06 B016', 'WebSocket by POST', 'websocket', { method: 'POST' }],
  [
    'R07',
    'an upgrade that only a substring search finds',
    'spdy',
    { upgrade: ['Connection: x-upgrade-y', 'Upgrade: SPDY/3.1', 'Content-Length: 0'] },
  ],
  [
    'R07',
    'the same for WebSocket',
    'websocket',
    { upgrade: ['Connection: x-upgrade-y', 'Upgrade: websocket', ...WEBSOCKET_LINES] },
  ],
  ['R07', 'no upgrade at all', 'spdy', { upgrade: ['Content-Length: 0'] }],
  [
    'R08',
    'two protocols in one Upgrade',
    'websocket',
    {
      upgrade: ['Connection: Upgrade', 'Upgrade: websocket, SPDY/3.1', ...WEBSOCKET_LINES],
      protocols: BOTH_PROTOCOLS,
    },
  ],
  [
    'R08',
    'two Upgrade lines',
    'websocket',
    {
      upgrade: ['Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: SPDY/3.1', ...WEBSOCKET_LINES],
      protocols: BOTH_PROTOCOLS,
    },
  ],
  [
    'R08',
    'a protocol that only a substring search finds',
    'spdy',
    { upgrade: ['Connection: Upgrade', 'Upgrade: xspdy/3.1', 'Content-Length: 0'] },
  ],
  ['R08 B010', 'an unknown protocol', 'spdy', { upgrade: ['Connection: Upgrade', 'Upgrade: foo'] }],
  [
    'R09',
    'an unknown subprotocol',
    'websocket',
    { protocols: ['Sec-WebSocket-Protocol: v9.channel.k8s.io'] },
  ],
  [
    'R09',
    'a SPDY version over WebSocket',
    'websocket',
    { protocols: ['Sec-WebSocket-Protocol: v3.channel.k8s.io'] },
  ],
  ['R09', 'no subprotocol', 'websocket', { protocols: [] }],
  [
    'R09',
    'two lines of subprotocols',
    'websocket',
    { protocols: ['Sec-WebSocket-Protocol: v4.channel.k8s.io', 'Sec-WebSocket-Protocol: v5.channel.k8s.io'] },
  ],
  ['R09', 'an unknown version', 'spdy', { protocols: ['X-Stream-Protocol-Version: v9.channel.k8s.io'] }],
  ['R09', 'no version', 'spdy', { protocols: [] }],
  [
    'R32',
    'an upgrade to h2c',
    'websocket',
    {
      upgrade: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'],
      protocols: [],
    },
  ],
  ['R32', 'extended CONNECT', 'websocket', { method: 'CONNECT' }],
  [
    'R26',
    'an upgrade with a body',
    'spdy',
    { upgrade: ['Connection: Upgrade', 'Upgrade: SPDY/3.1', 'Content-Length: 4'] },
  ],
  [
    'R26',
    'an upgrade with a chunked body',
    'spdy',
    { upgrade: ['Connection: Upgrade', 'Upgrade: SPDY/3.1', 'Transfer-Encoding: chunked'] },
  ],
  ['R26', 'two hosts', 'spdy', { more: ['Host: other.test'] }],
];

for (const [id, what, transport, options] of RECORDED) {
  row(
    `${id} recorded: ${what}`,
    async ({ policy }) => {
      const rig = await startRig();
      const fate = await fateOf(rig, upgradeRequest(transport, { ...options, token: policy }));
      expect(fate).toMatchObject({ kind: 'upstream', upgrade: true, recorded: true });
    },
    { transports: [transport] },
  );
}

for (const [id, what, transport, options] of REFUSED) {
  row(
    `${id} refused here: ${what}`,
    async ({ policy }) => {
      const rig = await startRig();
      const fate = await fateOf(rig, upgradeRequest(transport, { ...options, token: policy }));
      expect(fate).toMatchObject({ kind: 'refused' });
      expect(fate).toHaveProperty(
        'code',
        expect.toSatisfy((code: number) => code >= 400 && code < 500),
      );
      expect(rig.upstream.peers).toHaveLength(0);
    },
    { transports: [transport] },
  );
}

test.each(POLICIES)('R32 HTTP/2 is not spoken (%s)', async policy => {
  const rig = await startRig();
  const client = await rig.client();
  client.send(
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    Buffer.from('000000040000000000', 'hex'),
    `x-token: ${policy}`,
  );
  expect((await client.head())[0]).toMatch(/^HTTP\/1\.1 4/);
  expect(rig.upstream.peers).toHaveLength(0);
});

const ROADS: readonly (readonly [row: string, transport: Transport, method: string, target: string])[] = [
  ['R16', 'websocket', 'GET', '/api/v1/nodes/n/proxy/exec/d/p/c?command=id&output=1'],
  ['R16', 'spdy', 'POST', '/api/v1/nodes/https:n:10250/proxy/exec/d/p/c?command=id&output=1'],
  ['R16', 'spdy', 'POST', '/api/v1/nodes/n/proxy/x/../run/d/p/c?cmd=id'],
  ['R16', 'spdy', 'POST', '/api/v1/nodes/n/proxy//run/d/p/c?cmd=id'],
  ['R16', 'spdy', 'POST', '/api/v1/nodes/n/proxy%2Frun/d/p/c?cmd=id'],
  [
    'R22',
    'websocket',
    'GET',
    '/apis/subresources.kubevirt.io/v1/namespaces/d/virtualmachineinstances/v/console',
  ],
  ['R22', 'spdy', 'POST', `/apis/cluster.karmada.io/v1alpha1/clusters/c/proxy${EXECQ}`],
  ['R22', 'websocket', 'GET', `/k8s/clusters/c${EXECQ}`],
];

for (const [id, transport, method, target] of ROADS) {
  row(
    `${id} a road around the recorder is closed where one is enforced: ${method} ${target}`,
    async ({ policy }) => {
      const rig = await startRig();
      const fate = await fateOf(rig, upgradeRequest(transport, { method, target, token: policy }));
      expect(fate).toMatchObject({ kind: 'refused' });
      expect(rig.upstream.peers).toHaveLength(0);
    },
    { transports: [transport], policies: ['closed'] },
  );
}

test('R16 the kubelet behind a node runs commands on a plain POST, so no method passes', async () => {
  const rig = await startRig();
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const request = `${method} /api/v1/nodes/n/proxy/run/d/p/c?cmd=id HTTP/1.1`;
    const lines = [request, 'Host: proxy.test', 'Authorization: Bearer closed', 'Content-Length: 0', '\r\n'];
    expect(await fateOf(rig, lines.join('\r\n'))).toEqual({ kind: 'refused', code: 403 });
  }
  expect(rig.upstream.peers).toHaveLength(0);
});
