import { describe, expect, test } from 'vitest';
import type { FileReader } from '../../../src/upstream/rotating-files.ts';
import { loadUpstream, withoutCredential } from '../../../src/upstream/target.ts';

const PEM = '-----BEGIN CERTIFICATE-----\n';

/** Files in memory, with a clock that stands still. */
function machine(contents: Record<string, string>) {
  const files = new Map(Object.entries(contents).map(([path, text]) => [path, { text, atMs: 1 }]));
  const warnings: object[] = [];
  const reads: string[] = [];
  let nowMs = 0;
  const file = (path: string) => {
    const found = files.get(path);
    if (found === undefined) throw new Error(`ENOENT: ${path}`);
    return found;
  };
  const io: FileReader = {
    readFile: path => {
      reads.push(path);
      return file(path).text;
    },
    modifiedAtMs: path => file(path).atMs,
    clock: { now: () => 0, monotonic: () => nowMs },
    log: { warn: fields => warnings.push(fields) },
  };
  return { io, files, warnings, reads, pass: (ms: number) => (nowMs += ms) };
}

const SOURCE = { inCluster: { host: 'fd00::1', port: '6443', folder: '/sa' } };

describe('an upstream', () => {
  test('of a pod says where it is and who we are', () => {
    const { io } = machine({ '/sa/token': 'one\n', '/sa/ca.crt': PEM });
    const upstream = loadUpstream(SOURCE, io);
    expect(upstream).toMatchObject({
      host: 'fd00::1',
      port: 6443,
      secure: true,
      pathPrefix: '',
      hostHeader: '[fd00::1]:6443',
    });
    expect(upstream.authorization()).toBe('Bearer one');
    expect(upstream.tlsOptions()).toEqual({
      ca: PEM,
      cert: undefined,
      key: undefined,
      servername: undefined,
      rejectUnauthorized: true,
    });
  });

  test.each([
    [
      'https://api/k8s/clusters/x/',
      { host: 'api', port: 443, secure: true, pathPrefix: '/k8s/clusters/x', hostHeader: 'api' },
    ],
    [
      'http://127.0.0.1:8080',
      { host: '127.0.0.1', port: 8080, secure: false, pathPrefix: '', hostHeader: '127.0.0.1:8080' },
    ],
  ])('of a kubeconfig at %s', (server, expected) => {
    const text = `current-context: a
contexts: [{ name: a, context: { cluster: c } }]
clusters: [{ name: c, cluster: { server: "${server}", insecure-skip-tls-verify: true, tls-server-name: kube } }]`;
    const upstream = loadUpstream({ kubeconfig: '/c' }, machine({ '/c': text }).io);
    expect(upstream).toMatchObject(expected);
    expect(upstream.authorization()).toBeUndefined();
    expect(upstream.tlsOptions()).toMatchObject({ servername: 'kube', rejectUnauthorized: false });
  });

  test.each([
    [{}, 'ca.crt'],
    [{ '/sa/ca.crt': PEM }, 'token'],
    [{ '/sa/ca.crt': 'not pem', '/sa/token': 'x' }, '/sa/ca.crt: not PEM'],
    [{ '/sa/ca.crt': PEM, '/sa/token': 'a\nb' }, '/sa/token: not a token'],
  ])('without usable files is refused at the start', (contents, problem) => {
    expect(() => loadUpstream(SOURCE, machine(contents).io)).toThrow(problem);
  });

  test('a missing kubeconfig is named', () => {
    expect(() => loadUpstream({ kubeconfig: '/no' }, machine({}).io)).toThrow('kubeconfig /no');
  });
});

describe('a rotated kubeconfig', () => {
  const kubeconfig = (server: string, token: string) => `current-context: a
contexts: [{ name: a, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: "${server}" } }]
users: [{ name: u, user: { token: ${token} } }]`;

  test('brings its new credential', () => {
    const { io, files, pass } = machine({ '/c': kubeconfig('https://api', 'one') });
    const upstream = loadUpstream({ kubeconfig: '/c' }, io);
    expect(upstream.authorization()).toBe('Bearer one');
    files.set('/c', { text: kubeconfig('https://api', 'two'), atMs: 2 });
    pass(1_000);
    expect(upstream.authorization()).toBe('Bearer two');
  });

  test.each([
    ['names another address', kubeconfig('https://elsewhere', 'two'), 'another API server'],
    ['is broken', 'users: [{ name: u, user: { token: hush-hush', '/c:1'],
  ])('that %s is not taken, and its token is not told', (_what, text, words) => {
    const { io, files, pass, warnings } = machine({ '/c': kubeconfig('https://api', 'one') });
    const upstream = loadUpstream({ kubeconfig: '/c' }, io);
    files.set('/c', { text, atMs: 2 });
    pass(1_000);
    expect(upstream.authorization()).toBe('Bearer one');
    expect(upstream.host).toBe('api');
    expect(JSON.stringify(warnings)).toContain(words);
    expect(JSON.stringify(warnings)).not.toMatch(/hush-hush|two/);
  });
});

describe('a rotated token', () => {
  test('is taken when its file has changed', () => {
    const { io, files, reads, pass } = machine({ '/sa/token': 'one', '/sa/ca.crt': PEM });
    const upstream = loadUpstream(SOURCE, io);
    files.set('/sa/token', { text: 'two', atMs: 2 });
    expect(upstream.authorization()).toBe('Bearer one');
    pass(1_000);
    expect(upstream.authorization()).toBe('Bearer two');
    pass(1_000);
    expect(upstream.authorization()).toBe('Bearer two');
    expect(reads.filter(path => path === '/sa/token')).toHaveLength(2);
  });

  test('is taken after a minute even if the time of its file stood still', () => {
    const { io, files, pass } = machine({ '/sa/token': 'one', '/sa/ca.crt': PEM });
    const upstream = loadUpstream(SOURCE, io);
    files.set('/sa/token', { text: 'two', atMs: 1 });
    pass(59_999);
    expect(upstream.authorization()).toBe('Bearer one');
    pass(1_000);
    expect(upstream.authorization()).toBe('Bearer two');
  });

  test('is left out in noauth, with our certificate; whom to trust stays', () => {
    const { io } = machine({ '/sa/token': 'one', '/sa/ca.crt': PEM });
    const loaded = loadUpstream(SOURCE, io);
    const ours = { ...loaded, tlsOptions: () => ({ ...loaded.tlsOptions(), cert: PEM, key: PEM }) };
    const upstream = withoutCredential(ours);
    expect(upstream.mode).toBe('noauth');
    expect(upstream.authorization()).toBeUndefined();
    expect(upstream.tlsOptions()).toMatchObject({ ca: PEM, cert: undefined, key: undefined });
  });

  test.each([['missing'], ['empty']])('that is %s for now leaves the last one in use, and says so', how => {
    const { io, files, pass, warnings } = machine({ '/sa/token': 'one', '/sa/ca.crt': PEM });
    const upstream = loadUpstream(SOURCE, io);
    if (how === 'missing') files.delete('/sa/token');
    else files.set('/sa/token', { text: '', atMs: 2 });
    pass(1_000);
    expect(upstream.authorization()).toBe('Bearer one');
    expect(warnings).toHaveLength(1);
    files.set('/sa/token', { text: 'two', atMs: 3 });
    pass(1_000);
    expect(upstream.authorization()).toBe('Bearer two');
  });
});
