import { describe, expect, test } from 'vitest';
import type { Question } from '../../../src/cli/check-request.ts';
import { answer } from '../../../src/cli/check-request.ts';
import { parseConfig } from '../../../src/config/parse.ts';

const yaml = `
listen: { address: 127.0.0.1, port: 0, tls: { cert: a.crt, key: a.key } }
upstream: { kubeconfig: up.kubeconfig }
identity:
  static:
    - { user: ann, groups: [dev], token: one }
    - { user: bob, groups: [ops], token: two }
    - { user: eve, groups: [dev], token: three }
    - { user: eve, groups: [ops], token: four }
audit: { file: audit.jsonl }
grants:
  - subjects: [{ group: dev }]
    recorderAddrs: ["rec-a:8181", "rec-b:8181"]
    enforceRecorder: true
    impersonate: { groups: [viewers] }
  - subjects: [{ group: ops }]
    recorderAddrs: ["rec-a:8181"]
  - subjects: [{ group: bare }]
    enforceRecorder: true
  - subjects: [{ group: audited }]
    recorderAddrs: ["rec-a:8181"]
    enforceRecorder: true
    unrecordable: audit
  - subjects: [{ serviceaccount: "ci:*" }]
    namespaces: ["prod-*"]
    recorderAddrs: ["rec-b:8181"]
    enforceRecorder: true
  - subjects: [{ tag: "tag:ci" }, { serviceaccount: "ci:*" }]
    recorderAddrs: ["rec-a:8181"]
    failOpenBudget: { secondsPerDay: 60, concurrent: 2 }
`;
const config = parseConfig(yaml, 'proxy.yaml');
const ask = (question: Partial<Question>) =>
  answer(config, { user: 'ann', request: 'exec default/shell', lost: [], ...question });
const askAccount = (question: Partial<Question>) =>
  answer(config, { serviceaccount: 'ci/runner', request: 'exec default/shell', lost: [], ...question });

describe('what would be decided', () => {
  test('in noauth nobody is impersonated, and the rules are the same', () => {
    const own = yaml
      .replace('up.kubeconfig', 'up.kubeconfig, mode: noauth')
      .replace(/ {2}static:\n(?: {4}- .*\n)+/, '  tailscale: {}\n')
      .replace('    impersonate: { groups: [viewers] }\n', '');
    const { allowed, lines } = answer(parseConfig(own, 'proxy.yaml'), {
      user: 'ann',
      groups: ['dev'],
      request: 'exec default/shell',
      lost: [],
    });
    expect(allowed).toBe(true);
    expect(lines[0]).toBe('caller:   ann, upstream by their own credential');
    expect(lines.join('\n')).toContain('recorded by rec-a:8181 or rec-b:8181, else refused');
  });

  const rows: readonly [name: string, question: Partial<Question>, allowed: boolean, decision: RegExp][] = [
    ['closed', {}, true, /recorded by rec-a:8181 or rec-b:8181, else refused: grants\[0\]$/],
    [
      'closed, one recorder lost',
      { lost: ['rec-a:8181'] },
      true,
      /recorded by rec-b:8181, else refused: grants\[0\]$/,
    ],
    [
      'closed, both lost',
      { lost: ['rec-a:8181', 'rec-b:8181'] },
      false,
      /refused, since no recorder is left \(fail closed\): grants\[0\]$/,
    ],
    ['open', { user: 'bob' }, true, /recorded by rec-a:8181, else passes unrecorded: grants\[1\]$/],
    [
      'open, lost',
      { user: 'bob', lost: ['rec-a:8181'] },
      true,
      /passes unrecorded, since no recorder is left \(fail open\): grants\[1\]$/,
    ],
    ['no rule', { user: 'zoe' }, true, /passes unrecorded: no rule/],
    ['enforced, no recorder', { groups: ['bare'] }, false, /refused: .*grants\[2\].*no recorder is named/],
    ['attach', { request: 'attach default/shell' }, true, /recorded by/],
    ['port-forward', { request: 'port-forward default/shell' }, false, /refused: a port-forward is a tunnel/],
    ['port-forward, open', { user: 'bob', request: 'port-forward default/shell' }, true, /decision: passes$/],
    [
      'port-forward, audited',
      { groups: ['audited'], request: 'port-forward default/shell' },
      true,
      /passes unrecorded, and is audited: grants\[3\]$/,
    ],
    ['a path', { request: 'POST /api/v1/nodes/n/proxy/run/d/p/c' }, false, /refused: .*kubelet/],
    ['an ordinary request', { request: 'GET /api/v1/pods' }, true, /decision: passes$/],
  ];
  test.each(rows)('%s', (_name, question, allowed, decision) => {
    const result = ask(question);
    expect(result.lines.at(-1)).toMatch(decision);
    expect(result.allowed).toBe(allowed);
  });

  test('says who, by which rules, and what', () => {
    expect(ask({}).lines.slice(0, 3)).toEqual([
      'caller:   ann, groups upstream: dev, viewers',
      'rules:    grants[0]',
      'request:  GET /api/v1/namespaces/default/pods/shell/exec (session, at default/shell)',
    ]);
  });
});

describe('service accounts, devices and places', () => {
  test('a service account has the groups of its name, and the rules that record where it asks', () => {
    expect(askAccount({}).lines).toEqual([
      'caller:   system:serviceaccount:ci:runner, groups upstream: system:serviceaccounts, system:serviceaccounts:ci, system:authenticated',
      'rules:    grants[4] (records elsewhere), grants[5]',
      'request:  GET /api/v1/namespaces/default/pods/shell/exec (session, at default/shell)',
      'decision: recorded by rec-a:8181, else passes unrecorded (within 60 s a day, 2 at once by grants[5]): grants[5]',
    ]);
    expect(askAccount({ request: 'exec prod-eu/db' }).lines.slice(1)).toEqual([
      'rules:    grants[4], grants[5]',
      expect.stringContaining('at prod-eu/db'),
      'decision: recorded by rec-b:8181 or rec-a:8181, else refused: grants[4], grants[5]',
    ]);
  });

  test.each([
    ['port-forward default/shell', true, /decision: passes$/],
    ['port-forward prod-eu/db', false, /refused: .*grants\[4\]/],
    ['GET /api/v1/nodes/n/proxy/pods', false, /refused: .*grants\[4\]/],
    ['GET /api/v1/namespaces/default/services/x/proxy/', false, /refused: .*grants\[4\]/],
  ])('%s: %s', (request, allowed, decision) => {
    const result = askAccount({ request });
    expect(result.lines.at(-1)).toMatch(decision);
    expect(result.allowed).toBe(allowed);
  });

  test('a tagged device is its node, in the groups that are its tags', () => {
    const { lines } = ask({ user: 'runner.tail1234.ts.net', tags: ['tag:ci', 'tag:x'] });
    expect(lines.slice(0, 2)).toEqual([
      'caller:   runner.tail1234.ts.net, groups upstream: tag:ci, tag:x',
      'rules:    grants[5]',
    ]);
  });
});

test('rules of a tailnet are not in the file, and that is said', () => {
  const withTailnet = parseConfig(yaml.replace('identity:', 'identity:\n  tailscale: {}'), 'proxy.yaml');
  const { lines } = answer(withTailnet, { user: 'ann', request: 'exec default/shell', lost: [] });
  expect(lines.at(-1)).toMatch(/^note: .*policy of the tailnet/);
});

describe('what cannot be answered', () => {
  const rows: readonly [name: string, question: Partial<Question>, says: RegExp][] = [
    ['no such verb', { request: 'run default/shell' }, /cannot read the request "run default\/shell"/],
    ['no namespace', { request: 'exec shell' }, /cannot read the request/],
    ['a path with dots', { request: 'GET /api/v1/../x' }, /dot segment|\.\./],
    ['an unknown recorder', { lost: ['rec-c:8181'] }, /no grant names a recorder "rec-c:8181"/],
    ['a user of several identities', { user: 'eve' }, /names "eve" 2 times/],
    ['a tagged device with groups', { tags: ['tag:ci'], groups: ['dev'] }, /no groups of its own/],
    ['half a service account', { serviceaccount: 'ci' }, /cannot read the service account "ci"/],
    ['an empty user', { user: '' }, /user name of your identity is empty/],
  ];
  test.each(rows)('%s', (_name, question, says) => {
    expect(() => ask(question)).toThrow(says);
  });
});
