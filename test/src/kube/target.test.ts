import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WitnessError } from '../../../src/errors.ts';
import { classify } from '../../../src/kube/request-info.ts';
import type { KubeTarget } from '../../../src/kube/target.ts';
import { readTarget } from '../../../src/kube/target.ts';

const POD = '/api/v1/namespaces/ns/pods/p';
const EXEC = `${POD}/exec`;

function outcome(method: string, target: string): string {
  try {
    const read = readTarget(method, target);
    return `${classify(read.info, method)} ${read.path}`;
  } catch (error) {
    if (error instanceof WitnessError) return String(error.status);
    throw error;
  }
}

describe('spellings of exec, as the API server reads them', () => {
  test.each([
    // Those that reach the exec handler there: a session here, under one spelling, or refused.
    [EXEC, `session ${EXEC}`],
    [`${EXEC}/`, `session ${EXEC}`],
    [`${EXEC}///`, `session ${EXEC}`],
    [`${EXEC}?`, `session ${EXEC}`],
    [`${EXEC}/?command=id`, `session ${EXEC}`],
    [`${POD}/%65xec`, `session ${EXEC}`],
    ['/%61pi/v1/namespaces/ns/pods/p/exec', `session ${EXEC}`],
    ['/%61%70%69/%76%31/%6eamespaces/n%73/p%6Fds/%70/%65%78%65%63', `session ${EXEC}`],
    [`${EXEC}%2F`, '400'],
    ['/api/v1/namespaces/ns/pods/p%2Fexec', '400'],
    ['/api/v1/namespaces/ns/pods%2fp%2Fexec', '400'],
    ['/api%2Fv1%2Fnamespaces%2Fns%2Fpods%2Fp%2Fexec', '400'],
    [`https://anything${EXEC}`, '400'],
    [`http://h${EXEC}`, '400'],
    // Those that are answered 404 or 400 there.
    [`${POD}/%2565xec`, `plain ${POD}/%2565xec`],
    [`/${EXEC}`, '400'],
    [`/%2F${EXEC.slice(1)}`, '400'],
    ['/api//v1/namespaces/ns/pods/p/exec', '400'],
    ['/api/v1//namespaces/ns/pods/p/exec', '400'],
    [`${POD}//exec`, '400'],
    ['/api/v1/namespaces//pods/p/exec', '400'],
    ['/api/v1/namespaces/ns/pods//exec', '400'],
    ['/api/v1/./namespaces/ns/pods/p/exec', '400'],
    ['/api/v1/x/../namespaces/ns/pods/p/exec', '400'],
    [`${POD}/x/../exec`, '400'],
    [`${POD}/x/%2e%2E/exec`, '400'],
    [`${EXEC}/.`, '400'],
    [`${POD}/EXEC`, `plain ${POD}/EXEC`],
    ['/API/v1/namespaces/ns/pods/p/exec', 'foreign /API/v1/namespaces/ns/pods/p/exec'],
    [`${EXEC};x=1`, `plain ${EXEC};x=1`],
    [`${EXEC}%3Fx`, `plain ${EXEC}%3Fx`],
    [`${EXEC}%00`, '400'],
    [`${EXEC}%0a`, '400'],
    [`${EXEC}%7F`, '400'],
    [`${EXEC}%20`, `plain ${EXEC}%20`],
    [`${EXEC}#frag`, '400'],
    [`${EXEC}?command=a#b`, '400'],
    ['/api\\v1/namespaces/ns/pods/p/exec', '400'],
    ['/api%5Cv1/namespaces/ns/pods/p/exec', '400'],
    [`${EXEC}/extra`, `session ${EXEC}/extra`],
    ['/apis//v1/namespaces/ns/pods/p/exec', '400'],
    ['/api/v1/watch/namespaces/ns/pods/p/exec', '400'],
    ['/api/v1/proxy/namespaces/ns/pods/p/exec', '400'],
    [`${POD}/exec%`, '400'],
    [`${POD}/exec%6`, '400'],
    [`${POD}/exec%zz`, '400'],
    [`${POD}/%ffexec`, '400'],
    [`${POD}/%c0%afexec`, '400'],
    ['', '400'],
    ['*', '400'],
    ['api/v1/pods', '400'],
    [`${EXEC} `, '400'],
    [`${POD}/exec\u00e9`, '400'],
  ])('%s', (target, expected) => {
    for (const method of ['GET', 'POST']) expect(outcome(method, target)).toBe(expected);
  });

  test('other methods are the same session, and the API server answers them (B016)', () => {
    for (const method of ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expect(outcome(method, EXEC)).toBe(`session ${EXEC}`);
    }
  });

  test.each(['CONNECT', 'TRACE', 'get', 'PROPFIND', ''])('the method %j is refused', method => {
    expect(outcome(method, EXEC)).toBe('400');
  });
});

describe('what other targets are', () => {
  test.each([
    ['GET', '/', 'plain /'],
    ['GET', '/?x', 'plain /'],
    ['GET', '/healthz', 'plain /healthz'],
    ['GET', '/debug/pprof/', 'plain /debug/pprof/'],
    ['GET', '/openapi/v3//', 'plain /openapi/v3/'],
    ['GET', '/api', 'plain /api'],
    ['GET', '/apis/apps/v1', 'plain /apis/apps/v1'],
    ['GET', '/api/v1/pods/', 'plain /api/v1/pods'],
    ['POST', `${POD}/attach`, `session ${POD}/attach`],
    ['POST', `${POD}/portforward`, `tunnel ${POD}/portforward`],
    ['GET', `${POD}/log?follow=true`, `plain ${POD}/log`],
    ['PATCH', `${POD}/ephemeralcontainers`, `debug ${POD}/ephemeralcontainers`],
    ['PUT', `${POD}/ephemeralcontainers`, `debug ${POD}/ephemeralcontainers`],
    ['GET', `${POD}/ephemeralcontainers`, `plain ${POD}/ephemeralcontainers`],
    // The tail of a proxy is passed on as it came.
    ['GET', `${POD}/proxy`, `relay ${POD}/proxy`],
    ['GET', `${POD}/proxy/`, `relay ${POD}/proxy/`],
    ['GET', `${POD}/proxy/a%2Fb//c%20d/`, `relay ${POD}/proxy/a%2Fb//c%20d/`],
    ['GET', `${POD}/prox%79/%65xec`, `relay ${POD}/proxy/%65xec`],
    ['GET', `${POD}/proxy/../exec`, '400'],
    ['GET', `${POD}/proxy/x%2F..%2f..%2Fexec`, '400'],
    ['GET', `${POD}/proxy/x%5c..`, '400'],
    ['GET', `${POD}/proxy%2Fexec`, '400'],
    [
      'GET',
      '/api/v1/namespaces/ns/services/https:web:8443/proxy/x',
      'relay /api/v1/namespaces/ns/services/https:web:8443/proxy/x',
    ],
    ['POST', '/api/v1/nodes/n/proxy/run/ns/p/c?cmd=id', 'node /api/v1/nodes/n/proxy/run/ns/p/c'],
    [
      'GET',
      '/api/v1/nodes/https:n:10250/proxy/exec/ns/p/c',
      'node /api/v1/nodes/https:n:10250/proxy/exec/ns/p/c',
    ],
    ['POST', '/api/v1/nodes/n/proxy/x/../run/ns/p/c', '400'],
    ['POST', '/api/v1/nodes/n/proxy//run/ns/p/c', '400'],
    ['POST', '/api/v1/nodes/n/proxy/run%2Fns/p/c', 'node /api/v1/nodes/n/proxy/run%2Fns/p/c'],
    ['GET', '/api/v1/nodes/n/somethingNew', 'node /api/v1/nodes/n/somethingNew'],
    ['GET', '/api/v1/nodes/n/status', 'plain /api/v1/nodes/n/status'],
    ['GET', '/api/v1/nodes', 'plain /api/v1/nodes'],
    // Sessions of other APIs, and APIs inside of APIs.
    [
      'GET',
      '/apis/subresources.kubevirt.io/v1/namespaces/ns/virtualmachineinstances/vm/console',
      'foreign /apis/subresources.kubevirt.io/v1/namespaces/ns/virtualmachineinstances/vm/console',
    ],
    [
      'GET',
      '/apis/subresources.kubevirt.io/v1/namespaces/ns/virtualmachines/vm/portforward/22/tcp',
      'foreign /apis/subresources.kubevirt.io/v1/namespaces/ns/virtualmachines/vm/portforward/22/tcp',
    ],
    [
      'POST',
      `/apis/cluster.karmada.io/v1alpha1/clusters/c/proxy${EXEC}`,
      `foreign /apis/cluster.karmada.io/v1alpha1/clusters/c/proxy${EXEC}`,
    ],
    ['POST', `/apis/x.io/v1/things/t/inner${EXEC}`, `foreign /apis/x.io/v1/things/t/inner${EXEC}`],
    ['POST', `/k8s/clusters/c-1${EXEC}`, `foreign /k8s/clusters/c-1${EXEC}`],
    ['POST', '/apis/x.io/v1/namespaces/ns/pods/p/exec', 'foreign /apis/x.io/v1/namespaces/ns/pods/p/exec'],
    [
      'POST',
      '/api/v1/namespaces/ns/services/s/portforward',
      'foreign /api/v1/namespaces/ns/services/s/portforward',
    ],
    ['GET', '/apis/metrics.k8s.io/v1beta1/pods', 'plain /apis/metrics.k8s.io/v1beta1/pods'],
  ])('%s %s', (method, target, expected) => {
    expect(outcome(method, target)).toBe(expected);
  });
});

describe('what is forwarded', () => {
  test.each([
    '/api/v1/namespaces/ns/configmaps/kube-root-ca.crt',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:controller:job-controller',
    "/api/v1/namespaces/ns/services/http:a:b/proxy/x%2Fy;a=(b)'!*/%20z/",
    '/api/v1/nodes/ip-10-0-0-1.eu@x,y+z=$&~_',
    `${EXEC}`,
  ])('%s is forwarded byte for byte', path => {
    expect(readTarget('GET', path).path).toBe(path);
  });

  test('needless escapes are undone, needed ones are written anew', () => {
    expect(readTarget('GET', '/api/v1/nodes/%73ystem%3aa%20b%3f%e6%bc%a2').path).toBe(
      '/api/v1/nodes/system:a%20b%3F%E6%BC%A2',
    );
  });

  test.each([
    ['/api/v1/pods', '', false],
    ['/api/v1/pods?', '', true],
    ['/api/v1/pods?a=b?c&d', 'a=b?c&d', true],
    ["/api/v1/pods?command='{}\\|^%60", "command='{}\\|^%60", true],
  ])('the query of %s stays as it came (B022)', (target, query, hadQuery) => {
    expect(readTarget('GET', target)).toMatchObject({ path: '/api/v1/pods', query, hadQuery });
  });
});

describe('parameters of a query', () => {
  const manyParameters = (count: number): string => `/api/v1/pods?${Array(count).fill('a').join('&')}`;

  test('ten thousand are read, one more is refused, since servers differ in what is left of it', () => {
    expect(outcome('GET', manyParameters(10_000))).toBe('plain /api/v1/pods');
    expect(outcome('GET', manyParameters(10_001))).toBe('400');
    expect(outcome('GET', `/api/v1/pods?${'&'.repeat(10_000)}watch=1`)).toBe('400');
  });
});

/** Go's reading of a path, from its rules: decoded once, slashes trimmed at both ends, split. */
function goPodSubresource(target: string): string | undefined {
  let path: string;
  try {
    path = Buffer.from(unescapeBytes(target.split('?', 1)[0] ?? ''), 'latin1').toString('latin1');
  } catch {
    return undefined;
  }
  const parts = path.replace(/^\/+|\/+$/g, '').split('/');
  const [prefix, ...rest] = parts;
  if (parts.length < 3 || (prefix !== 'api' && prefix !== 'apis')) return undefined;
  if (prefix === 'apis' && rest.shift() !== '') return undefined;
  rest.shift();
  if (rest[0] === 'watch' || rest[0] === 'proxy') rest.shift();
  if (rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') {
    rest.splice(0, 2);
  }
  return rest[0] === 'pods' ? rest[2] : undefined;
}

function unescapeBytes(text: string): string {
  return text.replace(/%(..)?/g, (_all, hex: string | undefined) => {
    if (hex === undefined || !/^[0-9a-fA-F]{2}$/.test(hex)) throw new Error('invalid URL escape');
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
}

type Way = 'plain' | 'upper' | 'lower' | 'twice';
const ANY: readonly Way[] = ['plain', 'plain', 'plain', 'upper', 'lower', 'twice'];
const ONCE: readonly Way[] = ['plain', 'plain', 'upper', 'lower'];

const escaped = (text: string, ways: readonly Way[] = ANY): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...ways), {
      minLength: text.length,
      maxLength: text.length,
    })
    .map(chosen =>
      [...text]
        .map((letter, at) => {
          const hex = letter.charCodeAt(0).toString(16).padStart(2, '0');
          if (chosen[at] === 'upper') return `%${hex.toUpperCase()}`;
          if (chosen[at] === 'lower') return `%${hex}`;
          return chosen[at] === 'twice' ? `%25${hex}` : letter;
        })
        .join(''),
    );
const word = fc.constantFrom(
  ...['api', 'apis', 'v1', 'namespaces', 'ns', 'pods', 'p', 'exec', 'attach', 'proxy', 'watch', 'status'],
  ...['nodes', 'services', 'x.io', '.', '..', '', 'portforward', 'log', 'EXEC', 'exec;', 'é'],
);
const slash = fc.constantFrom(
  '/',
  '/',
  '/',
  '/',
  '/',
  '/',
  '/',
  '/',
  '//',
  '%2F',
  '%2f',
  '\\',
  '%5C',
  '/./',
  '?',
  '#',
);
const wild = fc
  .array(
    fc.tuple(
      slash,
      word.chain(text => escaped(text)),
    ),
    { maxLength: 10 },
  )
  .map(pieces => pieces.map(([mark, text]) => `${mark}${text}`).join(''));
/** Near misses of exec: the real spelling with one or two things done to it. */
const nearExec = fc
  .tuple(
    fc
      .constantFrom('exec', 'exec', 'attach', 'log')
      .chain(last =>
        fc.tuple(...['api', 'v1', 'namespaces', 'ns', 'pods', 'p', last].map(text => escaped(text, ONCE))),
      ),
    fc.array(fc.tuple(fc.nat(7), slash), { maxLength: 2 }),
    fc.constantFrom('', '/', '///', '%2F', '/.', '/x', '?a', '/proxy'),
  )
  .map(([words, marks, end]) => {
    const seams = ['/', '/', '/', '/', '/', '/', '/'];
    for (const [at, mark] of marks) if (at < seams.length) seams[at] = mark;
    return words.map((text, at) => `${seams[at]}${text}`).join('') + end;
  });
const target = fc.oneof(
  wild,
  nearExec,
  fc.string().map(text => `/${text}`),
  fc.string({ unit: 'binary' }),
);
const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD');

function read(verb: string, text: string): KubeTarget | undefined {
  try {
    return readTarget(verb, text);
  } catch (error) {
    expect(error).toBeInstanceOf(WitnessError);
    return undefined;
  }
}

describe('generated targets', () => {
  test('nothing but a WitnessError is thrown, and the canonical path reads the same again', () => {
    fc.assert(
      fc.property(method, target, (verb, text) => {
        const first = read(verb, text);
        if (first === undefined) return;
        const again = readTarget(verb, first.hadQuery ? `${first.path}?${first.query}` : first.path);
        expect(again).toEqual(first);
      }),
      { numRuns: 3000 },
    );
  });

  test('what Go reads as exec or attach of a pod is a session or refused (B017)', () => {
    let sessions = 0;
    fc.assert(
      fc.property(method, target, (verb, text) => {
        const result = read(verb, text);
        if (result === undefined) return;
        const kind = classify(result.info, verb);
        if (kind === 'session') sessions++;
        for (const seen of [text, result.path]) {
          const subresource = goPodSubresource(seen);
          expect(subresource === 'exec' || subresource === 'attach').toBe(kind === 'session');
        }
      }),
      { numRuns: 5000 },
    );
    expect(sessions).toBeGreaterThan(100);
  });
});
