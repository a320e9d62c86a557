import { describe, expect, test } from 'vitest';
import { withFiles } from '../../../src/config/files.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { grantsOf, identitiesOf } from '../../../src/config/rules.ts';

const config = parseConfig(
  `listen: { tls: { cert: tls.crt, key: tls.key } }
upstream: { kubeconfig: up }
identity:
  static:
    - { user: ann, groups: [dev], token: t }
    - { user: bob, tokenFile: bob.token }
    - { user: cat, uid: u, extra: { a: [b] }, tokenSha256: ${'f'.repeat(64)} }
grants:
  - subjects: [{ user: ann }, { group: dev }]
    impersonate: { groups: [ops] }
  - subjects: [{ user: "*" }]
    recorderAddrs: ["127.0.0.1:80"]
    enforceRecorder: true
    unrecordable: audit
audit: { file: audit.jsonl }
`,
  'c.yaml',
);

describe('what a configuration is made into', () => {
  test('every file is resolved, and nothing else', () => {
    const moved = withFiles(config, file => `/etc/kw/${file}`);
    expect(moved.listen.tls).toEqual({ cert: '/etc/kw/tls.crt', key: '/etc/kw/tls.key' });
    expect(moved.upstream).toEqual({ mode: 'auth', kubeconfig: '/etc/kw/up', marker: false });
    expect(moved.identity.static?.[1]).toEqual({ user: 'bob', groups: [], tokenFile: '/etc/kw/bob.token' });
    expect(moved.audit).toMatchObject({ file: '/etc/kw/audit.jsonl' });
    expect(withFiles(config, file => file)).toEqual(config);
  });

  test('grants become rules with an origin', () => {
    expect(grantsOf(config)).toEqual([
      {
        subjects: [{ user: 'ann' }, { group: 'dev' }],
        rule: {
          origin: 'grants[0]',
          impersonateGroups: ['ops'],
          recorderAddrs: [],
          enforceRecorder: false,
          enableEvents: false,
        },
      },
      {
        subjects: [{ user: '*' }],
        rule: {
          origin: 'grants[1]',
          impersonateGroups: [],
          recorderAddrs: ['127.0.0.1:80'],
          enforceRecorder: true,
          enableEvents: false,
          unrecordable: 'audit',
        },
      },
    ]);
  });

  test('tokens come from the file, without the newline at its end', () => {
    expect(identitiesOf(config, file => `token of ${file}\n`)).toEqual([
      { user: 'ann', groups: ['dev'], secret: { token: 't' } },
      { user: 'bob', groups: [], secret: { token: 'token of bob.token' } },
      { user: 'cat', groups: [], uid: 'u', extra: { a: ['b'] }, secret: { tokenSha256: 'f'.repeat(64) } },
    ]);
  });
});

describe('subjects and selectors', () => {
  const grant = (text: string) =>
    parseConfig(
      `listen: { tls: { cert: a, key: b } }
upstream: { kubeconfig: up }
identity: { tailscale: {} }
grants: [${text}]
audit: { file: audit.jsonl }
`,
      'c.yaml',
    );

  test('are taken as they are written, with both spellings of a service account', () => {
    const config = grant(
      '{ subjects: [{ tag: "tag:ci" }, { serviceaccount: "ci/run*" }, { serviceaccount: "ci:*" }], namespaces: ["prod-*"], pods: [db-0, "*"] }',
    );
    expect(grantsOf(config)).toMatchObject([
      {
        subjects: [{ tag: 'tag:ci' }, { serviceaccount: 'ci:run*' }, { serviceaccount: 'ci:*' }],
        rule: { scope: { namespaces: ['prod-*'], pods: ['db-0', '*'] } },
      },
    ]);
    const budget = grant('{ subjects: [{ tag: "*" }], failOpenBudget: { concurrent: 2 } }');
    expect(grantsOf(budget)[0]?.rule.failOpenBudget).toEqual({ concurrent: 2 });
    expect(grantsOf(grant('{ subjects: [{ tag: "*" }], pods: [x] }'))[0]?.rule.scope).toEqual({
      pods: ['x'],
    });
  });

  test.each([
    ['{ subjects: [{ tag: ci }] }', 'grants[0].subjects[0].tag: is no tag of Tailscale'],
    ['{ subjects: [{ serviceaccount: ci }] }', 'grants[0].subjects[0].serviceaccount: is no service account'],
    ['{ subjects: [{ serviceaccount: "a:b:c" }] }', 'is no service account'],
    ['{ subjects: [{ serviceaccount: "system:serviceaccount:a:b" }] }', 'is no service account'],
    ['{ subjects: [{ tag: "tag:a", user: b }] }', 'needs exactly one of user, group, tag'],
    ['{ subjects: [{ user: a }], namespaces: [] }', 'grants[0].namespaces: must name a namespace'],
    ['{ subjects: [{ user: a }], namespaces: [Prod] }', 'grants[0].namespaces[0]: is no name of Kubernetes'],
    ['{ subjects: [{ user: a }], failOpenBudget: {} }', 'grants[0].failOpenBudget: needs secondsPerDay or'],
    [
      '{ subjects: [{ user: a }], failOpenBudget: { concurrent: 0 } }',
      'failOpenBudget.concurrent: Too small',
    ],
    [
      '{ subjects: [{ user: a }], enforceRecorder: true, failOpenBudget: { concurrent: 1 } }',
      'grants[0].failOpenBudget: has no place beside enforceRecorder',
    ],
    ['{ subjects: [{ user: a }], pods: ["a/b"] }', 'grants[0].pods[0]: is no name of Kubernetes'],
  ])('%s is refused', (text, message) => {
    expect(() => grant(text)).toThrow(message);
  });
});
