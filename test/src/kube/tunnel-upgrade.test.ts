import { describe, expect, test } from 'vitest';
import { classify } from '../../../src/kube/request-info.ts';
import { readTarget } from '../../../src/kube/target.ts';
import { readTunnelUpgrade, tunnelPorts } from '../../../src/kube/tunnel-upgrade.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const POD = '/api/v1/namespaces/d/pods/p';
const BEARER = 'base64url.bearer.authorization.k8s.io.bXl0b2tlbg';

const ws = (...names: string[]): string[] => [
  ...[
    'Connection',
    'Upgrade',
    'Upgrade',
    'websocket',
    'Sec-WebSocket-Version',
    '13',
    'Sec-WebSocket-Key',
    KEY,
  ],
  ...(names.length === 0 ? [] : ['Sec-WebSocket-Protocol', names.join(', ')]),
];
const spdy = (...names: string[]): string[] => [
  ...['Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1'],
  ...names.flatMap(name => ['X-Stream-Protocol-Version', name]),
];

function read(method: string, url: string, raw: readonly string[]) {
  const { info } = readTarget(method, url);
  return readTunnelUpgrade(classify(info, method), info, method, raw);
}

const refused = expect.objectContaining({ code: 'KW_BAD_REQUEST' });

describe('upgrades that are no sessions', () => {
  test.each<[string, string, string, string[], readonly string[]]>([
    [
      'port-forward over SPDY',
      'POST',
      `${POD}/portforward`,
      spdy('portforward.k8s.io'),
      ['portforward.k8s.io'],
    ],
    [
      'port-forward in a tunnel',
      'GET',
      `${POD}/portforward`,
      ws('SPDY/3.1+portforward.k8s.io'),
      ['SPDY/3.1+portforward.k8s.io'],
    ],
    [
      'port-forward by channels, the token taken off',
      'GET',
      `${POD}/portforward?ports=80`,
      ws(BEARER, 'v4.base64.channel.k8s.io', 'v4.channel.k8s.io', 'x'),
      ['v4.base64.channel.k8s.io', 'v4.channel.k8s.io'],
    ],
    ['port-forward by channels without a name', 'GET', `${POD}/portforward?ports=80`, ws(), []],
    [
      'a program behind a pod',
      'GET',
      `${POD}/proxy/ws`,
      ws('graphql-ws', BEARER, 'x.y'),
      ['graphql-ws', 'x.y'],
    ],
    ['a program behind a service', 'GET', '/api/v1/namespaces/d/services/s/proxy', ws(), []],
    [
      'the kubelet',
      'POST',
      '/api/v1/nodes/n/proxy/exec/d/p/c',
      spdy('v4.channel.k8s.io'),
      ['v4.channel.k8s.io'],
    ],
    [
      'the console of another API',
      'GET',
      '/apis/subresources.kubevirt.io/v1/namespaces/d/virtualmachineinstances/v/console',
      ws('plain.kubevirt.io'),
      ['plain.kubevirt.io'],
    ],
    ['a watch', 'GET', '/api/v1/pods?watch=1', ws(), []],
    [
      'a log',
      'GET',
      `${POD}/log?follow=1`,
      ws('base64.binary.k8s.io', 'binary.k8s.io'),
      ['base64.binary.k8s.io', 'binary.k8s.io'],
    ],
  ])('%s', (_name, method, url, raw, offered) => {
    expect(read(method, url, raw)).toMatchObject({ offered });
  });

  test.each<[string, string, string, string[]]>([
    ['a list', 'GET', '/api/v1/pods', ws('binary.k8s.io')],
    ['an object', 'GET', POD, ws()],
    ['the log of another group', 'GET', '/apis/x/v1/namespaces/d/pods/p/log', ws()],
    ['a path outside of resources', 'GET', '/healthz?watch=1', ws()],
    ['a watch over SPDY', 'GET', '/api/v1/pods?watch=1', spdy()],
    ['a watch with an unknown subprotocol', 'GET', '/api/v1/pods?watch=1', ws('v4.channel.k8s.io')],
    ['a debug container', 'PATCH', `${POD}/ephemeralcontainers`, spdy()],
    ['port-forward with the subprotocol of exec', 'GET', `${POD}/portforward`, ws('v5.channel.k8s.io')],
    ['port-forward over SPDY without a version', 'POST', `${POD}/portforward`, spdy()],
    ['an unknown token, on any path', 'GET', `${POD}/proxy`, ['Connection', 'Upgrade', 'Upgrade', 'foo']],
    ['h2c', 'GET', '/api/v1/pods', ['Connection', 'Upgrade', 'Upgrade', 'h2c']],
    ['two tokens', 'GET', `${POD}/proxy`, ['Connection', 'Upgrade', 'Upgrade', 'websocket, SPDY/3.1']],
    ['no Upgrade header', 'GET', `${POD}/proxy`, ['Connection', 'Upgrade']],
    ['a subprotocol with a line of its own', 'GET', `${POD}/proxy`, ws('a b')],
  ])('%s is refused for everyone (B010)', (_name, method, url, raw) => {
    expect(() => read(method, url, raw)).toThrow(refused);
  });
});

describe('the ports of a port-forward', () => {
  test.each<[string, readonly string[] | 'unknown']>([
    ['ports=80', ['80']],
    ['ports=80,443&ports=8080', ['80', '443', '8080']],
    ['', 'unknown'],
    ['port=80', 'unknown'],
  ])('of "%s"', (query, ports) => {
    expect(tunnelPorts(query)).toEqual(ports);
  });

  test('that two readers could read differently are refused', () => {
    expect(() => tunnelPorts('ports=80;ports=22')).toThrow(refused);
  });
});
