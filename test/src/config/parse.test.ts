import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../../src/config/parse.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import { configJsonSchema } from '../../../src/config/schema.ts';

const LEAST = `listen: { tls: { cert: tls.crt, key: tls.key } }
upstream: { inCluster: true }
identity: { static: [{ user: ann, token: t }] }
audit: { file: audit.jsonl }
`;

function failure(text: string): ConfigError {
  try {
    parseConfig(text, 'c.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

const linesOf = (text: string): string[] => failure(text).message.split('\n');

describe('a configuration', () => {
  test('the SOCKS5 proxy of recorders is a host with its port', () => {
    const withProxy = (address: string) => `${LEAST}recording: { socks5: "${address}" }\n`;
    expect(parseConfig(withProxy('localhost:1055'), 'c.yaml').recording.socks5).toBe('localhost:1055');
    for (const wrong of ['localhost', '[::1]', 'socks5://localhost:1055', ':1055']) {
      expect(linesOf(withProxy(wrong))).toEqual(['c.yaml:5: recording.socks5: must be host:port']);
    }
  });

  test('least of all, with every default', () => {
    expect(parseConfig(LEAST, 'c.yaml')).toEqual({
      cluster: 'kubernetes',
      listen: { address: '0.0.0.0', port: 8443, tls: { cert: 'tls.crt', key: 'tls.key' } },
      admin: { address: '127.0.0.1', port: 9090, hosts: [] },
      upstream: { mode: 'auth', inCluster: true, marker: false },
      identity: { static: [{ user: 'ann', groups: [], token: 't' }] },
      grants: [],
      recording: {
        headerWaitMs: 500,
        maxUnackedBytes: 1_048_576,
        maxUnackedMs: 30_000,
        staggerMs: 250,
        connectMs: 30_000,
        finalAnswerMs: 30_000,
      },
      sessions: { keepEndedMs: 600_000, keepEnded: 1000, drainMs: 30_000 },
      limits: { sessions: 1_000, sessionsPerCaller: 100, requests: 1_000, longRunning: 10_000 },
      shutdown: { delayMs: 5_000 },
      audit: { file: 'audit.jsonl', onFailure: 'refuseSessions', maxBytes: 268_435_456 },
      log: { level: 'info' },
    });
  });

  test('everything, as it was written', () => {
    const whole = {
      cluster: 'sandbox',
      listen: { address: '127.0.0.1', port: 0, tls: { cert: 'a', key: 'b' } },
      admin: {
        address: '::1',
        port: 65_535,
        tls: { cert: 'c', key: 'd' },
        hosts: ['witness.example'],
        roles: { viewer: [{ group: 'dev-*' }], auditor: [], operator: [{ user: 'ann' }] },
        local: [],
      },
      upstream: { mode: 'auth', kubeconfig: '../k', context: 'c', marker: false },
      identity: {
        static: [
          { user: 'ann', groups: ['dev'], uid: 'u', extra: { 'acme.com/x': ['v'] }, token: 't' },
          { user: 'bob', groups: [], tokenFile: 'bob.token' },
          { user: 'cat', groups: [], tokenSha256: 'a'.repeat(64) },
        ],
      },
      grants: [
        {
          subjects: [{ user: 'ann' }, { group: 'dev-*' }],
          impersonate: { groups: ['ops'] },
          recorderAddrs: ['127.0.0.1:8181', '[::1]:80', 'recorder.rec.svc:80'],
          enableEvents: false,
          enforceRecorder: true,
        },
      ],
      recording: {
        headerWaitMs: 0,
        maxUnackedBytes: 65_536,
        maxUnackedMs: 1,
        staggerMs: 2,
        connectMs: 3,
        finalAnswerMs: 4,
      },
      sessions: { keepEndedMs: 1, keepEnded: 0, drainMs: 0 },
      limits: { sessions: 1, sessionsPerCaller: 2, requests: 3, longRunning: 4 },
      shutdown: { delayMs: 5 },
      audit: { file: '/var/audit', onFailure: 'refuseSessions', maxBytes: 268_435_456 },
      log: { level: 'silent' },
    };
    expect(parseConfig(stringify(whole), 'c.yaml')).toEqual(whole);
  });

  test('an admin port off loopback keeps its tokens from the network, and calls nobody local', () => {
    const admin = (fields: object): string[] =>
      linesOf(
        stringify({
          admin: { address: '0.0.0.0', ...fields },
          listen: { tls: { cert: 'a', key: 'b' } },
          upstream: { inCluster: true },
          identity: { static: [{ user: 'ann', token: 't' }] },
          audit: { file: 'a' },
        }),
      ).map(line => line.replace(/^c.yaml:\d+: /, ''));
    const roles = { viewer: [{ user: 'ann' }] };
    expect(admin({ roles })).toEqual([
      'admin.tls: is needed beside roles: tokens and cookies would travel in the clear',
    ]);
    expect(admin({ local: ['viewer'] })).toEqual(['admin.local: goes with a loopback address only']);
    expect(admin({ hosts: ['Witness:80'] })).toEqual(['admin.hosts[0]: must be a host name in lower case']);
    expect(() => admin({ roles, tls: { cert: 'c', key: 'k' } })).toThrow('it was taken');
  });

  test('every problem is told at once, each with its line and path', () => {
    const text = `cluster: 5
listen:
  port: 70000
  tls: { cert: x, kye: y }
upstream: { kubeconfig: k, inCluster: true, context: c }
identity:
  static:
    - { user: "", token: S3CRET }
    - { user: "bob ", token: S3CRET }
    - { user: bob }
    - { user: bob, token: 12345678 }
    - { user: bob, token: "S3CRET with blanks" }
    - { user: bob, tokenSha256: S3CRET, extra: { Upper: [a] } }
grants:
  - subjects: [{ user: a, group: b }]
    recorderAddrs: ["127.0.0.1:8181", "::1"]
  - subjects: []
    enforceRecorder: "yes"
    enforced: true
sessions: { drainMs: 1.5 }
log: { level: loud }
extra: 1
`;
    expect(linesOf(text)).toEqual([
      'c.yaml:1: cluster: Invalid input: expected string, received number',
      'c.yaml:1: audit: is missing',
      'c.yaml:3: listen.port: Too big: expected number to be <=65535',
      'c.yaml:4: listen.tls.kye: there is no such field',
      'c.yaml:4: listen.tls: needs cert and key, or tailscale',
      'c.yaml:5: upstream: needs either kubeconfig or inCluster: true',
      'c.yaml:5: upstream.context: goes with kubeconfig only',
      'c.yaml:8: identity.static[0].user: is empty',
      'c.yaml:9: identity.static[1].user: begins or ends with a blank',
      'c.yaml:9: identity.static[1].token: is the same token as identity.static[0].token',
      'c.yaml:10: identity.static[2]: needs exactly one of token, tokenFile and tokenSha256',
      'c.yaml:11: identity.static[3].token: Invalid input: expected string, received number',
      'c.yaml:12: identity.static[4].token: must be visible ASCII characters without blanks',
      expect.stringMatching(/^c\.yaml:13: identity\.static\[5\]\.extra\.Upper: /),
      'c.yaml:13: identity.static[5].tokenSha256: must be 64 hex digits',
      'c.yaml:15: grants[0].subjects[0]: needs exactly one of user, group, tag and serviceaccount',
      expect.stringMatching(/^c\.yaml:16: grants\[0\]\.recorderAddrs\[1\]: .*brackets/),
      'c.yaml:17: grants[1].subjects: must name somebody',
      'c.yaml:18: grants[1].enforceRecorder: Invalid input: expected boolean, received string',
      'c.yaml:19: grants[1].enforced: there is no such field',
      'c.yaml:20: sessions.drainMs: Invalid input: expected int, received number',
      expect.stringMatching(/^c\.yaml:21: log\.level: /),
      'c.yaml:22: extra: there is no such field',
    ]);
    expect(failure(text).message).not.toMatch(/S3CRET|12345678/);
  });

  test.each([
    ['nothing', '', [/^c\.yaml: /]],
    ['a list', '- a', [/^c\.yaml:1: .*object/]],
    ['broken YAML, without a quote of it', 'identity:\n  token: "S3CRET\n', [/^c\.yaml:\d+: /]],
    ['a tab', `${LEAST}log:\n\t level: info\n`, [/^c\.yaml:\d: /]],
    ['a key twice', `${LEAST}cluster: a\ncluster: b\nx: 1\n`, [/^c\.yaml:6: .*unique/, /^c\.yaml:7: x: /]],
    ['two documents', `${LEAST}---\n${LEAST}`, [/^c\.yaml:5: /]],
    [
      'no identity',
      LEAST.replace(/identity.*\n/, 'identity: { static: [] }\n'),
      [/^c\.yaml:3: identity\.static: must name/],
    ],
    [
      'a token and its digest',
      `${LEAST.replace(/identity.*\n/, '')}identity:
  static:
    - { user: a, token: abc }
    - { user: b, tokenSha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad }
`,
      [/^c\.yaml:7: identity\.static\[1\]\.tokenSha256: is the same token as identity\.static\[0\]\.token$/],
    ],
  ])('%s is refused', (_name, text, patterns) => {
    const lines = linesOf(text);
    for (const pattern of patterns) expect(lines).toContainEqual(expect.stringMatching(pattern));
    expect(lines.join('\n')).not.toContain('S3CRET');
  });

  test('aliases that unfold without end are refused', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
`;
    expect(linesOf(bomb)).toEqual([expect.stringContaining('alias')]);
  });

  test('editors get a JSON Schema with the words of every field', () => {
    const undescribed: string[] = [];
    const walk = (schema: unknown, path: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      if ('properties' in schema && typeof schema.properties === 'object' && schema.properties !== null) {
        for (const [name, field] of Object.entries(schema.properties)) {
          if (!('description' in field)) undescribed.push(`${path}.${name}`);
          walk(field, `${path}.${name}`);
        }
      }
      if ('items' in schema) walk(schema.items, `${path}[]`);
    };
    walk(configJsonSchema(), '');
    expect(configJsonSchema()).toMatchObject({ type: 'object', additionalProperties: false });
    expect(undescribed).toEqual([]);
  });
});
