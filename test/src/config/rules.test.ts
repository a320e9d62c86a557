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
    expect(moved.upstream).toEqual({ kubeconfig: '/etc/kw/up', marker: false });
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
