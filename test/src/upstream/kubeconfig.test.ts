import { describe, expect, test } from 'vitest';
import { inClusterEntry } from '../../../src/upstream/in-cluster.ts';
import { parseKubeconfig } from '../../../src/upstream/kubeconfig.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const DATA = Buffer.from(PEM).toString('base64');
const FILE = '/etc/kw/config';

function kubeconfig(cluster: string, user: string): string {
  return `apiVersion: v1
kind: Config
current-context: main
preferences: {}
contexts:
  - name: main
    context: { cluster: prod, user: proxy, namespace: d }
  - name: other
    context: { cluster: lab, user: "" }
clusters:
  - name: lab
    cluster: { server: "http://[::1]:8080", extensions: [] }
  - name: prod
    cluster: ${cluster}
users:
  - name: proxy
    user: ${user}
`;
}

const SERVER = 'server: "https://api.example:6443/k8s/clusters/x/"';

function problemsOf(text: string, context?: string): unknown {
  try {
    parseKubeconfig(text, { file: FILE, ...(context === undefined ? {} : { context }) });
    return 'no problem';
  } catch (error) {
    return error instanceof Error && 'problems' in error ? error.problems : error;
  }
}

describe('a kubeconfig', () => {
  test('gives the entries of its current context, paths from its folder', () => {
    const text = kubeconfig(
      `{ ${SERVER}, certificate-authority: pki/ca.crt, tls-server-name: kubernetes }`,
      `{ client-certificate-data: ${DATA}, client-key: /run/key.pem, token: abc, tokenFile: ../token }`,
    );
    expect(parseKubeconfig(text, { file: FILE })).toEqual({
      server: new URL('https://api.example:6443/k8s/clusters/x/'),
      ca: { file: '/etc/kw/pki/ca.crt' },
      clientCert: { pem: PEM },
      clientKey: { file: '/run/key.pem' },
      token: 'abc',
      tokenFile: '/etc/token',
      tlsServerName: 'kubernetes',
      insecureSkipTlsVerify: false,
    });
  });

  test('gives a context by name; embedded data wins over a file', () => {
    const text = kubeconfig(
      `{ ${SERVER}, certificate-authority: x, certificate-authority-data: ${DATA} }`,
      '{}',
    );
    expect(parseKubeconfig(text, { file: FILE, context: 'other' })).toEqual({
      server: new URL('http://[::1]:8080'),
      insecureSkipTlsVerify: false,
    });
    expect(parseKubeconfig(text, { file: FILE }).ca).toEqual({ pem: PEM });
  });

  test.each([
    ['exec: { command: aws }', 'users[proxy].exec: exec credential plugins are not run'],
    ['auth-provider: { name: gcp }', 'users[proxy].auth-provider: auth-provider plugins are not run'],
    ['username: u', 'users[proxy].username: basic authentication is not supported'],
    ['password: p', 'users[proxy].password: basic authentication is not supported'],
    ['as: admin', 'users[proxy].as: impersonation is set per request'],
    ['client-key: k', 'users[proxy]: client-certificate and client-key belong together'],
    ['client-key-data: "@@"', 'users[proxy].client-key-data: not PEM in base64'],
    ['token: "a b"', 'users[proxy].token: not a token that fits into a header'],
    ['token: 7', 'users[proxy].user: token:'],
  ])('refuses a user with %s', (user, problem) => {
    const problems = problemsOf(kubeconfig(`{ ${SERVER} }`, `{ ${user} }`));
    expect(problems).toContainEqual(expect.stringContaining(`${FILE}: ${problem}`));
  });

  test.each([
    ['server: "api:6443"', 'clusters[prod].server: "api:6443" is not an http or https URL'],
    ['server: "https://u:p@api"', 'clusters[prod].server: a server URL has no user'],
    [`${SERVER}, proxy-url: "http://p"`, 'clusters[prod].proxy-url: an HTTP proxy'],
    [
      `${SERVER}, insecure-skip-tls-verify: true, certificate-authority: x`,
      'clusters[prod]: insecure-skip-tls-verify and certificate-authority exclude',
    ],
    [`${SERVER}, insecure-skip-tls-verify: "yes"`, 'clusters[prod].cluster: insecure-skip-tls-verify:'],
    ['{}', 'clusters[prod].cluster: server:'],
  ])('refuses a cluster with %s', (cluster, problem) => {
    const text = kubeconfig(cluster === '{}' ? '{}' : `{ ${cluster} }`, '{}');
    expect(problemsOf(text)).toContainEqual(expect.stringContaining(`${FILE}: ${problem}`));
  });

  test('tells every problem at once', () => {
    const text = kubeconfig('{ server: nowhere, proxy-url: p }', '{ exec: {}, username: u }');
    expect(problemsOf(text)).toHaveLength(4);
  });

  test.each([
    ['no YAML', 'a: [', `${FILE}:1: `],
    ['a key twice', 'clusters: []\nclusters: []', `${FILE}:2: `],
    ['no mapping', 'just text', FILE],
    ['no context', 'clusters: []', 'no context was chosen and current-context is not set'],
    [
      'an unknown context',
      'current-context: x\ncontexts: [{ name: y }]',
      'contexts has no entry x (it has: y)',
    ],
    [
      'an unknown cluster',
      'current-context: x\ncontexts: [{ name: x, context: { cluster: z, user: u } }]',
      'clusters has no entry z (it has: none)',
    ],
  ])('%s is told with its place', (_name, text, problem) => {
    expect(problemsOf(text)).toContainEqual(expect.stringContaining(problem));
  });
});

describe('a pod', () => {
  test.each([
    ['10.0.0.1', 'https://10.0.0.1:443'],
    ['fd00::1', 'https://[fd00::1]:443'],
  ])('at %s reads its service account', (host, address) => {
    expect(inClusterEntry({ host, port: '443', folder: '/var/run/sa' })).toEqual({
      server: new URL(address),
      ca: { file: '/var/run/sa/ca.crt' },
      tokenFile: '/var/run/sa/token',
      insecureSkipTlsVerify: false,
    });
  });

  test('that is none is told', () => {
    expect(() => inClusterEntry({ host: undefined, port: '', folder: '/x' })).toThrow(
      /KUBERNETES_SERVICE_HOST is not set.*\n.*KUBERNETES_SERVICE_PORT is not set/,
    );
  });
});
