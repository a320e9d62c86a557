import { once } from 'node:events';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, call, startCluster } from './cluster.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.close());

const MAPS = '/api/v1/namespaces/demo/configmaps';
const json = { 'Content-Type': 'application/json' };

function configMap(name: string, data: Record<string, string> = {}, metadata: Record<string, string> = {}) {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data });
}

describe('refusals are Status documents', () => {
  test.each([
    ['no token', 'GET', '/api/v1/namespaces', { headers: { Authorization: '' } }, 401, 'Unauthorized'],
    ['no such path', 'GET', '/nothing', {}, 404, 'NotFound'],
    ['no such object', 'GET', '/api/v1/namespaces/default/pods/none', {}, 404, 'NotFound'],
    [
      'no such namespace',
      'POST',
      '/api/v1/namespaces/none/configmaps',
      { headers: json, body: configMap('a') },
      404,
      'NotFound',
    ],
    ['no such pod for a log', 'GET', '/api/v1/namespaces/default/pods/none/log', {}, 404, 'NotFound'],
    ['wrong method', 'DELETE', '/api/v1/namespaces/default', {}, 405, 'MethodNotAllowed'],
    [
      'wrong method on exec',
      'PUT',
      '/api/v1/namespaces/default/pods/ticker/exec',
      {},
      405,
      'MethodNotAllowed',
    ],
    [
      'exec without an upgrade',
      'POST',
      '/api/v1/namespaces/default/pods/ticker/exec?command=id&stdout=1',
      {},
      400,
      'BadRequest',
    ],
    ['container not named', 'GET', '/api/v1/namespaces/default/pods/two/log', {}, 400, 'BadRequest'],
    [
      'log of the previous container',
      'GET',
      '/api/v1/namespaces/default/pods/ticker/log?previous=true',
      {},
      400,
      'BadRequest',
    ],
    ['unknown patch type', 'PATCH', `${MAPS}/a`, { headers: json, body: '{}' }, 415, 'UnsupportedMediaType'],
    [
      'unknown body type',
      'POST',
      MAPS,
      { headers: { 'Content-Type': 'text/plain' }, body: '{}' },
      415,
      'UnsupportedMediaType',
    ],
    ['no JSON', 'POST', MAPS, { headers: json, body: '{' }, 400, 'BadRequest'],
    ['a name that is no name', 'POST', MAPS, { headers: json, body: configMap('../x') }, 422, 'Invalid'],
    [
      'too large',
      'POST',
      MAPS,
      { headers: json, body: Buffer.alloc(3 * 1_024 * 1_024 + 1, 0x20) },
      413,
      'RequestEntityTooLarge',
    ],
  ] as const)('%s', async (_, method, path, options, code, reason) => {
    const answer = await call(cluster, method, path, options);
    expect(answer.code).toBe(code);
    expect(JSON.parse(answer.text)).toMatchObject({ kind: 'Status', status: 'Failure', reason, code });
  });
});

test('an Audit-ID is echoed, or made up', async () => {
  const own = await call(cluster, 'GET', '/version', { headers: { 'Audit-ID': 'abc-1' } });
  expect(own.headers['audit-id']).toBe('abc-1');
  const made = await call(cluster, 'GET', '/version');
  expect(made.headers['audit-id']).toMatch(/^[-0-9a-f]{36}$/);
});

test('requests are told with the caller that was believed', async () => {
  await call(cluster, 'GET', '/version?who', {
    headers: { 'Impersonate-User': 'alice', 'Impersonate-Group': 'g' },
  });
  await call(cluster, 'GET', '/version?who', { headers: { Authorization: 'Bearer wrong' } });
  expect(cluster.requests.filter(seen => seen.url === '/version?who')).toMatchObject([
    { method: 'GET', user: 'alice', groups: ['g', 'system:authenticated'] },
    { method: 'GET', user: undefined, groups: [] },
  ]);
});

test('a config map lives from creation to deletion', async () => {
  const created = await call(cluster, 'POST', MAPS, { headers: json, body: configMap('life', { a: '1' }) });
  expect(created.code).toBe(201);
  const { metadata } = JSON.parse(created.text);
  expect(metadata).toMatchObject({
    name: 'life',
    namespace: 'demo',
    uid: expect.stringMatching(/^[-0-9a-f]{36}$/),
  });
  expect((await call(cluster, 'POST', MAPS, { headers: json, body: configMap('life') })).code).toBe(409);

  const updated = await call(cluster, 'PUT', `${MAPS}/life`, {
    headers: json,
    body: configMap('life', { a: '2' }),
  });
  expect(JSON.parse(updated.text)).toMatchObject({ data: { a: '2' }, metadata: { uid: metadata.uid } });
  const stale = configMap('life', { a: '3' }, { resourceVersion: metadata.resourceVersion });
  expect((await call(cluster, 'PUT', `${MAPS}/life`, { headers: json, body: stale })).code).toBe(409);

  for (const [type, body, expected] of [
    ['application/merge-patch+json', '{"data":{"b":"x"}}', { a: '2', b: 'x' }],
    ['application/strategic-merge-patch+json', '{"data":{"a":null}}', { b: 'x' }],
    ['application/json-patch+json', '[{"op":"add","path":"/data/c","value":"y"}]', { b: 'x', c: 'y' }],
    [
      'application/apply-patch+yaml',
      'apiVersion: v1\nkind: ConfigMap\ndata: {d: z}\n',
      { b: 'x', c: 'y', d: 'z' },
    ],
  ] as const) {
    const patched = await call(cluster, 'PATCH', `${MAPS}/life`, { headers: { 'Content-Type': type }, body });
    expect(JSON.parse(patched.text)['data']).toEqual(expected);
  }

  const wrongUid = '{"preconditions":{"uid":"other"}}';
  expect((await call(cluster, 'DELETE', `${MAPS}/life`, { headers: json, body: wrongUid })).code).toBe(409);
  const chunked = { ...json, 'Transfer-Encoding': 'chunked' };
  const deleted = await call(cluster, 'DELETE', `${MAPS}/life`, {
    headers: chunked,
    body: '{"propagationPolicy":"Background"}',
  });
  expect(JSON.parse(deleted.text)).toMatchObject({
    kind: 'Status',
    status: 'Success',
    details: { name: 'life' },
  });
  expect((await call(cluster, 'GET', `${MAPS}/life`)).code).toBe(404);
});

test('apply creates what is not there', async () => {
  const headers = { 'Content-Type': 'application/apply-patch+yaml' };
  const applied = await call(cluster, 'PATCH', `${MAPS}/applied?fieldManager=t`, {
    headers,
    body: configMap('applied'),
  });
  expect(applied.code).toBe(201);
});

test('a dry run changes nothing', async () => {
  const answer = await call(cluster, 'POST', `${MAPS}?dryRun=All`, { headers: json, body: configMap('dry') });
  expect(answer.code).toBe(201);
  expect((await call(cluster, 'GET', `${MAPS}/dry`)).code).toBe(404);
});

test('a table is given to those who ask for one', async () => {
  const headers = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
  const answer = await call(cluster, 'GET', '/api/v1/namespaces/default/pods/ticker', { headers });
  expect(JSON.parse(answer.text)).toMatchObject({
    kind: 'Table',
    rows: [
      {
        cells: [
          'ticker',
          '1/1',
          'Running',
          '0',
          expect.any(String),
          '127.0.0.1',
          'sandbox-node',
          '<none>',
          '<none>',
        ],
      },
    ],
  });
});

describe('watch', () => {
  /** Opens a watch; its headers have come when this resolves. */
  async function watch(query: string) {
    const sent = request(`${cluster.url}${MAPS}?watch=1&${query}`, {
      ca: cluster.caPem,
      agent: false,
      headers: { Authorization: `Bearer ${cluster.token}` },
    });
    sent.end();
    const [response] = await once(sent, 'response');
    const lines = createInterface({ input: response })[Symbol.asyncIterator]();
    const next = async () => {
      const { value } = await lines.next();
      const { type, object } = JSON.parse(value ?? '{}');
      return `${type} ${object.metadata.name ?? object.code ?? ''} ${object.data?.a ?? ''}`.trim();
    };
    return { next, close: () => sent.destroy() };
  }

  test('begins after the version of a list, sends its headers at once and then every change', async () => {
    await call(cluster, 'POST', MAPS, { headers: json, body: configMap('before') });
    const list = JSON.parse((await call(cluster, 'GET', MAPS)).text);
    const seen = await watch(`resourceVersion=${list.metadata.resourceVersion}`);
    await call(cluster, 'POST', MAPS, { headers: json, body: configMap('w', { a: '1' }) });
    await call(cluster, 'PUT', `${MAPS}/w`, { headers: json, body: configMap('w', { a: '2' }) });
    await call(cluster, 'PUT', `${MAPS}/w`, { headers: json, body: configMap('w', { a: '2' }) });
    await call(cluster, 'DELETE', `${MAPS}/w`);
    expect([await seen.next(), await seen.next(), await seen.next()]).toEqual([
      'ADDED w 1',
      'MODIFIED w 2',
      'DELETED w 2',
    ]);
    seen.close();
  });

  test('begins with what is there when no version is given, and marks the end of that on demand', async () => {
    await call(cluster, 'POST', MAPS, { headers: json, body: configMap('there') });
    const seen = await watch(
      'fieldSelector=metadata.name%3Dthere&sendInitialEvents=true&allowWatchBookmarks=true',
    );
    expect([await seen.next(), await seen.next()]).toEqual(['ADDED there', 'BOOKMARK']);
    seen.close();
  });

  test('an object that no longer matches is deleted for this watch', async () => {
    const labelled = (label: string) =>
      JSON.stringify({ metadata: { name: 'moving', labels: { k: label } }, kind: 'ConfigMap' });
    await call(cluster, 'POST', MAPS, { headers: json, body: labelled('in') });
    const seen = await watch('labelSelector=k%3Din');
    await call(cluster, 'PUT', `${MAPS}/moving`, { headers: json, body: labelled('out') });
    await call(cluster, 'PUT', `${MAPS}/moving`, { headers: json, body: labelled('in') });
    expect([await seen.next(), await seen.next(), await seen.next()]).toEqual([
      'ADDED moving',
      'DELETED moving',
      'ADDED moving',
    ]);
    seen.close();
  });
});
