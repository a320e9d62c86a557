import type { Verdict } from './compare.ts';

/** One request line, what the API server takes it for (`resource/subresource`), and our class of it. */
export interface Spelling {
  readonly method: string;
  readonly target: string;
  readonly theirs: string;
  readonly ours: Verdict;
}

const POD = '/api/v1/namespaces/ns/pods/p';
const EXEC = `${POD}/exec`;

/** Targets that the API server reads as exec of a pod: a session here under one path, or refused. */
const EXECS: readonly (readonly [target: string, ours: Verdict])[] = [
  [EXEC, 'session'],
  [`${EXEC}/`, 'session'],
  [`${EXEC}///`, 'session'],
  [`${EXEC}?`, 'session'],
  [`${EXEC}/extra`, 'session'],
  [`${POD}/%65xec`, 'session'],
  ['/%61pi/v1/namespaces/ns/pods/p/exec', 'session'],
  ['/api/v1/%6eamespaces/n%73/p%6Fds/%70/%65%78%65%63', 'session'],
  [`${EXEC}%2F`, 'refused'],
  ['/api/v1/namespaces/ns/pods/p%2Fexec', 'refused'],
  ['/api/v1/namespaces/ns/pods%2Fp%2Fexec', 'refused'],
  ['/api%2Fv1%2Fnamespaces%2Fns%2Fpods%2Fp%2Fexec', 'refused'],
  [`https://anything${EXEC}`, 'refused'],
  [`http://user@anything:80${EXEC}`, 'refused'],
  [`/${EXEC}`, 'refused'],
  [`/%2F${EXEC.slice(1)}`, 'refused'],
  ['/api/v1/namespaces//pods/p/exec', 'refused'],
  ['/api/v1/namespaces/ns/pods//exec', 'refused'],
  [`${EXEC}/.`, 'refused'],
  ['/apis//v1/namespaces/ns/pods/p/exec', 'refused'],
  ['/api/v1/watch/namespaces/ns/pods/p/exec', 'refused'],
];

/** Near misses: something else there, or nothing at all. */
const OTHERS: readonly (readonly [target: string, theirs: string, ours: Verdict])[] = [
  [`${POD}/%2565xec`, 'pods/%65xec', 'plain'],
  [`${POD}/EXEC`, 'pods/EXEC', 'plain'],
  [`${EXEC};x=1`, 'pods/exec;x=1', 'plain'],
  [`${EXEC}%3Fx`, 'pods/exec?x', 'plain'],
  [`${EXEC}%20`, 'pods/exec ', 'plain'],
  [`${EXEC}%00`, 'pods/exec\0', 'refused'],
  [`${EXEC}#frag`, 'pods/exec#frag', 'refused'],
  ['/API/v1/namespaces/ns/pods/p/exec', '/', 'foreign'],
  ['/api\\v1/namespaces/ns/pods/p/exec', '/', 'refused'],
  ['/api//v1/namespaces/ns/pods/p/exec', 'v1/ns', 'refused'],
  ['/api/v1//namespaces/ns/pods/p/exec', '/ns', 'refused'],
  [`${POD}//exec`, 'pods/', 'refused'],
  ['/api/v1/./namespaces/ns/pods/p/exec', './ns', 'refused'],
  ['/api/v1/x/../namespaces/ns/pods/p/exec', 'x/namespaces', 'refused'],
  [`${POD}/x/../exec`, 'pods/x', 'refused'],
  ['/api/v1/proxy/namespaces/ns/pods/p/exec', 'pods/', 'refused'],
  [`${POD}/exec%`, 'error', 'refused'],
  [`${POD}/exec%zz`, 'error', 'refused'],
  [`${EXEC} `, 'error', 'refused'],
  [EXEC.slice(1), 'error', 'refused'],
  // Other roads into a pod or a node.
  [`${POD}/attach`, 'pods/attach', 'session'],
  [`${POD}/portforward`, 'pods/portforward', 'tunnel'],
  [`${POD}/port%66orward/`, 'pods/portforward', 'tunnel'],
  [`${POD}/proxy`, 'pods/proxy', 'relay'],
  [`${POD}/proxy/x//y%2Fz`, 'pods/proxy', 'relay'],
  [`${POD}/proxy/../exec`, 'pods/proxy', 'refused'],
  [`${POD}/proxy%2F..%2Fexec`, 'pods/proxy', 'refused'],
  ['/api/v1/namespaces/default/services/https:kubernetes:443/proxy/api', 'services/proxy', 'relay'],
  ['/api/v1/nodes/n/proxy/run/ns/p/c?cmd=id', 'nodes/proxy', 'node'],
  ['/api/v1/nodes/https:n:10250/prox%79/run/ns/p/c', 'nodes/proxy', 'node'],
  ['/api/v1/nodes/n/proxy/x/../run/ns/p/c', 'nodes/proxy', 'refused'],
  ['/api/v1/nodes/n/proxy//run/ns/p/c', 'nodes/proxy', 'refused'],
  ['/api/v1/nodes/n/proxy%2Frun%2Fns%2Fp%2Fc', 'nodes/proxy', 'refused'],
  ['/api/v1/nodes/n/new', 'nodes/new', 'node'],
  ['/api/v1/namespaces/ns/nodes/n/proxy', 'nodes/proxy', 'node'],
  [`${POD}/ephemeralcontainers`, 'pods/ephemeralcontainers', 'debug'],
  [`/apis/cluster.karmada.io/v1alpha1/clusters/c/proxy${EXEC}`, 'clusters/proxy', 'foreign'],
  [
    '/apis/subresources.kubevirt.io/v1/namespaces/ns/virtualmachineinstances/vm/console',
    'virtualmachineinstances/console',
    'foreign',
  ],
];

export const SPELLINGS: readonly Spelling[] = [
  ...EXECS.flatMap(([target, ours]) =>
    ['POST', 'GET'].map(method => ({ method, target, theirs: 'pods/exec', ours })),
  ),
  ...['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map(
    (method): Spelling => ({ method, target: EXEC, theirs: 'pods/exec', ours: 'session' }),
  ),
  ...['CONNECT', 'TRACE', 'get'].map(
    (method): Spelling => ({ method, target: EXEC, theirs: 'pods/exec', ours: 'refused' }),
  ),
  ...OTHERS.map(([target, theirs, ours]): Spelling => ({ method: 'POST', target, theirs, ours })),
];
