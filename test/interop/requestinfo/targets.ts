import fc from 'fast-check';

/** Paths that real clients send, one for each shape that the API server's grammar tells apart. */
export const REAL_PATHS: readonly string[] = [
  '/',
  '/api',
  '/api/v1',
  '/apis',
  '/apis/apps',
  '/apis/apps/v1',
  '/healthz',
  '/livez/ping',
  '/version',
  '/openapi/v3/apis/apps/v1',
  '/debug/pprof/profile',
  '/api/v1/pods',
  '/api/v1/nodes',
  '/api/v1/nodes/n',
  '/api/v1/nodes/n/status',
  '/api/v1/nodes/n/proxy',
  '/api/v1/nodes/https:n:10250/proxy/run/ns/p/c',
  '/api/v1/namespaces',
  '/api/v1/namespaces/ns',
  '/api/v1/namespaces/ns/status',
  '/api/v1/namespaces/ns/finalize',
  '/api/v1/namespaces/ns/pods',
  '/api/v1/namespaces/ns/pods/p',
  '/api/v1/namespaces/ns/pods/p/exec',
  '/api/v1/namespaces/ns/pods/p/attach',
  '/api/v1/namespaces/ns/pods/p/portforward',
  '/api/v1/namespaces/ns/pods/p/ephemeralcontainers',
  '/api/v1/namespaces/ns/pods/p/log',
  '/api/v1/namespaces/ns/pods/http:p:80/proxy/a/b/',
  '/api/v1/namespaces/ns/services/s/proxy/',
  '/api/v1/namespaces/ns/serviceaccounts/sa/token',
  '/api/v1/namespaces/status/pods/p/exec',
  '/api/v1/namespaces/ns/status/x/proxy/y',
  '/api/v1/watch/pods',
  '/api/v1/watch/namespaces/ns/pods',
  '/api/v1/watch/namespaces/ns/pods/p',
  '/apis/apps/v1/deployments',
  '/apis/apps/v1/namespaces/ns/deployments/d/scale',
  '/apis/apps/v1/watch/namespaces/ns/deployments/d',
  '/apis/metrics.k8s.io/v1beta1/namespaces/ns/pods/p',
  '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node',
  '/apis/subresources.kubevirt.io/v1/namespaces/ns/virtualmachineinstances/vm/console',
  '/apis/cluster.karmada.io/v1alpha1/clusters/c/proxy/api/v1/namespaces/ns/pods/p/exec',
];

/** The roads into a pod or a node: half of what is generated starts from one. */
const ROADS = REAL_PATHS.filter(path => /exec|attach|portforward|ephemeral|proxy/.test(path));

const WORDS = [
  ...['api', 'apis', 'v1', 'watch', 'proxy', 'namespaces', 'ns', 'status', 'finalize', 'pods', 'nodes'],
  ...['services', 'p', 'exec', 'attach', 'portforward', 'ephemeralcontainers', 'log', 'EXEC', 'Pods', ''],
  ...['.', '..', '...', '%2e', '%2E%2e', '%00', '%0a', '%20', '%7f', '%ff', '%C3%A9', '%c0%af', '%2565xec'],
  ...['%', '%6', '%zz', 'x;y=z', 'a+b', 'a:b', 'a@b', "~*'()!$,", '%25', '%3F', '%23', '\\', 'é', '"<>^`{|}'],
];
const SEAMS = ['//', '///', '%2F', '%2f', '\\', '%5C', '/./', '/../', '/%2e/', ';/', '/%2F', '?', '#', ' '];
const ENDS = ['/', '///', '%2F', '/.', '/..', '//x', '/x', '/proxy', '/exec', ';x', '#x', '%', '%20', '%00'];
const STARTS = [
  '/',
  '/%2F',
  '/./',
  '\\',
  'http://h',
  'https://u@h:1',
  'h:80',
  '*',
  ' ',
  '?',
  '/..',
  '/api/..',
];

const WATCH_VALUES = ['true', 'TRUE', '1', '', '0', 'false', 'False', 'no', '%30', '+', '%ff', '%zz', 'a;b'];
const SELECTORS = [
  'metadata.name%3Dx',
  'metadata.name=x,a=b',
  'metadata.name=a/b',
  'metadata.name!=x',
  '%zz',
];
const queryPiece = fc.oneof(
  fc.constantFrom(...WATCH_VALUES).map(value => `watch=${value}`),
  fc.constantFrom(...SELECTORS).map(value => `fieldSelector=${value}`),
  fc.constantFrom(
    'watch',
    '%77atch=1',
    'w%61tch=0',
    'WATCH=1',
    'watch;=1',
    '+watch=1',
    'watch%3D1',
    '=watch',
  ),
  fc.constantFrom(
    'limit=x',
    'timeoutSeconds=-',
    'labelSelector=!!',
    'resourceVersion=0',
    '%ff=1',
    '',
    '?',
    '&',
  ),
);
const query = fc.array(queryPiece, { maxLength: 4 }).map(pieces => pieces.join('&'));

type Mutation = (path: string) => string;

/** Where the n-th slash after the first is; the end when there are fewer. */
function seam(path: string, at: number): number {
  const slashes = [...path.slice(1).matchAll(/\//g)].map(match => match.index + 1);
  return slashes[at % Math.max(1, slashes.length)] ?? path.length;
}

function escapeAt(path: string, at: number, way: 'upper' | 'lower' | 'twice'): string {
  const index = 1 + (at % Math.max(1, path.length - 1));
  const letter = path[index];
  if (letter === undefined || letter === '/' || letter === '%' || letter > '~') return path;
  const hex = letter.charCodeAt(0).toString(16).padStart(2, '0');
  const escaped = { upper: `%${hex.toUpperCase()}`, lower: `%${hex}`, twice: `%25${hex}` }[way];
  return path.slice(0, index) + escaped + path.slice(index + 1);
}

const escapes = fc
  .array(fc.tuple(fc.nat(200), fc.constantFrom('upper', 'upper', 'lower', 'lower', 'twice')), {
    minLength: 1,
  })
  .map<Mutation>(all => path => all.reduce((text, [at, way]) => escapeAt(text, at, way), path));
const seams = fc.tuple(fc.nat(20), fc.constantFrom(...SEAMS)).map<Mutation>(([at, mark]) => path => {
  const index = seam(path, at);
  return path.slice(0, index) + mark + path.slice(index + 1);
});
const insertion = fc.tuple(fc.nat(20), fc.constantFrom(...WORDS)).map<Mutation>(([at, word]) => path => {
  const index = seam(path, at);
  return `${path.slice(0, index)}/${word}${path.slice(index)}`;
});
const removal = fc.nat(20).map<Mutation>(at => path => {
  const index = seam(path, at);
  return path.slice(0, index) + path.slice(seam(path, at + 1));
});
const flip = fc.nat(200).map<Mutation>(at => path => {
  const index = at % path.length;
  return path.slice(0, index) + path.slice(index, index + 1).toUpperCase() + path.slice(index + 1);
});
const end = fc.constantFrom(...ENDS).map<Mutation>(mark => path => path + mark);
const start = fc.constantFrom(...STARTS).map<Mutation>(mark => path => mark + path);

const mutation = fc.oneof(
  { weight: 6, arbitrary: escapes },
  { weight: 4, arbitrary: insertion },
  { weight: 3, arbitrary: removal },
  { weight: 2, arbitrary: end },
  { weight: 2, arbitrary: seams },
  { weight: 1, arbitrary: flip },
  { weight: 1, arbitrary: start },
);
const assembled = fc
  .array(fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 4 })), { maxLength: 9 })
  .map(words => `/${words.join('/')}`);
const path = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...ROADS) },
      { weight: 3, arbitrary: fc.constantFrom(...REAL_PATHS) },
      { weight: 1, arbitrary: assembled },
    ),
    fc.array(mutation, { maxLength: 3 }),
  )
  .map(([real, mutations]) => mutations.reduce((text, change) => change(text), real));

/** Request targets around the API's real paths: most with a scar or two, some as they are. */
export const target = fc
  .tuple(path, fc.option(query))
  .map(([text, asked]) => (asked === null ? text : `${text}?${asked}`));

export const method = fc.constantFrom(
  ...['GET', 'GET', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'get'],
);

const LISTS = [
  '/api/v1/pods',
  '/api/v1/namespaces/ns/pods',
  '/apis/apps/v1/deployments',
  '/api/v1/namespaces',
];

/** Lists, for which the query decides whether they are watches. */
export const listTarget = fc
  .tuple(fc.constantFrom(...LISTS), query)
  .map(([text, asked]) => `${text}?${asked}`);
