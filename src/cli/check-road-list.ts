import type { RawRequest } from './check-raw.ts';

/** What is there to be reached. Names as Kubernetes has them, so fit for a path. */
export interface RoadTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly node: string;
}

/** One way in which a command, or the like of one, could run without being recorded. */
export interface Road {
  readonly name: string;
  readonly request: RawRequest;
  /** The API server has no such path, so its 404 is as good as a refusal. */
  readonly unknownToKubernetes: boolean;
}

type Group = (target: RoadTarget) => Road[];

const KEY = 'a3ViZXdpdG5lc3MgY2hlYw==';
/** Harmless, and its output is empty. */
const COMMAND = 'command=true&stdout=true';
const V5 = 'v5.channel.k8s.io';
const V4 = 'v4.channel.k8s.io';

const websocketWith = (upgrade: readonly string[], protocols: readonly string[]): string[] => [
  'Connection: Upgrade',
  ...upgrade,
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${KEY}`,
  ...protocols.map(protocol => `Sec-WebSocket-Protocol: ${protocol}`),
];
const websocket = (...protocols: string[]): string[] => websocketWith(['Upgrade: websocket'], protocols);
const spdyWith = (connection: string, version: string): string[] => [
  `Connection: ${connection}`,
  'Upgrade: SPDY/3.1',
  `X-Stream-Protocol-Version: ${version}`,
  'Content-Length: 0',
];
const spdy = (version: string): string[] => spdyWith('Upgrade', version);

function road(name: string, method: string, target: string, lines: readonly string[], body?: string): Road {
  const request = { method, target, lines, ...(body === undefined ? {} : { body }) };
  return { name, request, unknownToKubernetes: false };
}

const podPath = ({ namespace, pod }: RoadTarget): string => `/api/v1/namespaces/${namespace}/pods/${pod}`;

const sessions: Group = target => {
  const exec = `${podPath(target)}/exec?${COMMAND}`;
  const attach = `${podPath(target)}/attach?stdout=true`;
  return [
    road('exec, WebSocket', 'GET', exec, websocket(V5)),
    road('exec, WebSocket in base64', 'GET', exec, websocket('base64.channel.k8s.io')),
    road('exec, SPDY', 'POST', exec, spdy(V4)),
    road('exec, SPDY by GET', 'GET', exec, spdy(V4)),
    road('exec, a size and no terminal (tty=)', 'GET', `${exec}&tty=`, websocket(V4)),
    road('attach, WebSocket', 'GET', attach, websocket(V5)),
    road('attach, SPDY', 'POST', attach, spdy(V4)),
  ];
};

const spellings: Group = target => {
  const { namespace, pod } = target;
  const inNamespace = `/api/v1/namespaces/${namespace}`;
  const paths: readonly (readonly [name: string, path: string])[] = [
    ['slashes at the end', `${podPath(target)}/exec//`],
    ['an escaped letter', `${podPath(target)}/%65xec`],
    ['an escaped letter in /api', `/%61pi/v1/namespaces/${namespace}/pods/${pod}/exec`],
    ['an escaped slash', `${inNamespace}/pods/${pod}%2Fexec`],
    ['an escaped slash at the end', `${podPath(target)}/exec%2F`],
    ['absolute form', `https://kubernetes${podPath(target)}/exec`],
    ['dot segments', `${inNamespace}/pods/x/../${pod}/exec`],
    ['escaped dot segments', `${inNamespace}/pods/x/%2e%2e/${pod}/exec`],
    ['an empty segment', `${podPath(target)}//exec`],
    ['two slashes in front', `/${podPath(target)}/exec`],
    ['a backslash', `${podPath(target)}\\exec`],
    ['a fragment', `${podPath(target)}#/exec`],
    ['an empty group', `/apis//v1/namespaces/${namespace}/pods/${pod}/exec`],
    ['the old /proxy/ prefix', `/api/v1/proxy/namespaces/${namespace}/pods/${pod}/exec`],
    ['the /watch/ prefix', `/api/v1/watch/namespaces/${namespace}/pods/${pod}/exec`],
  ];
  const upper = road('exec in capitals', 'GET', `${podPath(target)}/EXEC?${COMMAND}`, []);
  return [
    ...paths.map(([name, path]) => road(`exec, ${name}`, 'GET', `${path}?${COMMAND}`, websocket(V5))),
    { ...upper, unknownToKubernetes: true },
  ];
};

const upgrades: Group = target => {
  const exec = `${podPath(target)}/exec?${COMMAND}`;
  return [
    road('exec, "upgrade" inside a Connection token', 'POST', exec, spdyWith('x-upgrade-y', V4)),
    road('exec, two Upgrade values', 'GET', exec, websocketWith(['Upgrade: websocket, SPDY/3.1'], [V5])),
    road(
      'exec, two Upgrade lines',
      'GET',
      exec,
      websocketWith(['Upgrade: websocket', 'Upgrade: SPDY/3.1'], [V5]),
    ),
    road('exec, an unknown Upgrade', 'GET', exec, websocketWith(['Upgrade: foo'], [V5])),
    road('exec, WebSocket by POST', 'POST', exec, [...websocket(V5), 'Content-Length: 0']),
    road('exec, an unknown subprotocol', 'GET', exec, websocket('v3.channel.k8s.io')),
    road('exec, no subprotocol', 'GET', exec, websocket()),
    road('exec, two subprotocol lines', 'GET', exec, websocket(V5, V4)),
    road('exec, no upgrade', 'POST', exec, ['Content-Length: 0']),
    road('WebSocket on an object', 'GET', podPath(target), websocket(V5)),
    road('h2c on a list', 'GET', '/api/v1/pods', [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
    ]),
    road('CONNECT', 'CONNECT', 'kubernetes:443', []),
  ];
};

const around: Group = target => {
  const { namespace, pod, node } = target;
  const path = podPath(target);
  const forward = `${path}/portforward`;
  const service = `/api/v1/namespaces/${namespace}/services/https:kubernetes:443/proxy`;
  return [
    road('port-forward, SPDY', 'POST', forward, spdy('portforward.k8s.io')),
    road('port-forward, tunnel', 'GET', forward, websocket('SPDY/3.1+portforward.k8s.io')),
    road('port-forward, channels', 'GET', `${forward}?ports=80`, websocket(V4)),
    road('pods/proxy', 'GET', `${path}/proxy/`, []),
    road('pods/proxy, upgrade', 'GET', `${path}/proxy/`, websocket()),
    road('services/proxy', 'GET', `${service}/version`, []),
    road(
      'services/proxy to the API server, exec',
      'GET',
      `${service}/api/v1/namespaces/${namespace}/pods/${pod}/exec?${COMMAND}`,
      websocket(V5),
    ),
    ...kubelet(`/api/v1/nodes/${node}`, target),
    ...debugContainers(path),
  ];
};

function kubelet(path: string, { namespace, pod }: RoadTarget): Road[] {
  const run = `run/${namespace}/${pod}/x?cmd=true`;
  const empty = ['Content-Length: 0'];
  return [
    road('nodes/proxy, run', 'POST', `${path}/proxy/${run}`, empty),
    road('nodes/proxy, run behind dots', 'POST', `${path}/proxy/x/../${run}`, empty),
    road('nodes/proxy, run behind slashes', 'POST', `${path}/proxy//${run}`, empty),
    road('nodes/proxy, run behind an escaped slash', 'POST', `${path}/proxy%2F${run}`, empty),
    road(
      'nodes/proxy with a port, run',
      'POST',
      `${path.replace('/nodes/', '/nodes/https:')}:10250/proxy/${run}`,
      empty,
    ),
    road('nodes/proxy, reading', 'GET', `${path}/proxy/pods`, []),
    road(
      'nodes/proxy, exec',
      'POST',
      `${path}/proxy/exec/${namespace}/${pod}/x?command=true&output=1`,
      spdy(V4),
    ),
    road('another subresource of nodes', 'GET', `${path}/log`, []),
  ];
}

/** With dryRun, so that a road that is open changes nothing. */
function debugContainers(path: string): Road[] {
  const target = `${path}/ephemeralcontainers?dryRun=All`;
  const body = JSON.stringify({
    spec: { ephemeralContainers: [{ name: 'check', image: 'scratch', command: ['true'] }] },
  });
  return [
    road(
      'a debug container, PATCH',
      'PATCH',
      target,
      ['Content-Type: application/strategic-merge-patch+json'],
      body,
    ),
    road('a debug container, PUT', 'PUT', target, ['Content-Type: application/json'], body),
  ];
}

const otherApis: Group = target => {
  const { namespace } = target;
  const nested = `${podPath(target)}/exec?${COMMAND}`;
  const vm = `/apis/subresources.kubevirt.io/v1/namespaces/${namespace}/virtualmachineinstances/check`;
  return [
    road('console of a virtual machine', 'GET', `${vm}/console`, websocket('plain.kubevirt.io')),
    road(
      'exec through a nested API',
      'GET',
      `/apis/cluster.karmada.io/v1alpha1/clusters/check/proxy${nested}`,
      websocket(V5),
    ),
    road('exec behind a prefix', 'GET', `/k8s/clusters/check${nested}`, websocket(V5)),
  ];
};

/** Every road of the table in docs/security.md that one request can try. */
export function roadsOf(target: RoadTarget): Road[] {
  return [sessions, spellings, upgrades, around, otherApis].flatMap(group => group(target));
}
