import { describe, expect, test } from 'vitest';
import { explainGrants } from '../../../src/cli/check-grants.ts';
import { answerLost } from '../../../src/cli/check-lost.ts';
import { parseConfig } from '../../../src/config/parse.ts';

const config = parseConfig(
  `
listen: { address: 127.0.0.1, port: 0, tls: { cert: a.crt, key: a.key } }
upstream: { kubeconfig: up.kubeconfig }
identity:
  static:
    - { user: ann, groups: [dev], token: one }
    - { user: zoe, token: two }
audit: { file: audit.jsonl }
grants:
  - subjects: [{ group: dev }]
    recorderAddrs: ["rec-a:8181", "rec-b:8181"]
    enforceRecorder: true
    impersonate: { groups: [viewers] }
    enableEvents: true
  - subjects: [{ user: "ci-*" }]
    recorderAddrs: ["rec-a:8181"]
    failOpenBudget: { secondsPerDay: 60 }
  - subjects: [{ tag: "tag:ci" }, { serviceaccount: "ci/*" }]
    namespaces: ["prod-*"]
    recorderAddrs: ["rec-a:8181"]
    enforceRecorder: true
    unrecordable: audit
  - subjects: [{ user: "*" }]
    pods: [db-0]
    recorderAddrs: ["rec-b:8181"]
    unrecordable: deny
  - subjects: [{ group: support }]
    impersonateAs: { users: ["*@corp.com"] }
`,
  'c.yaml',
);

describe('who is touched when a recorder dies', () => {
  test('one of two: handed over, refused, or on unrecorded', () => {
    expect(answerLost(config, ['rec-a:8181'])).toEqual({
      refused: true,
      lines: [
        'refused:',
        '  device tag:ci at prod-*/*: refused, since no recorder is left (fail closed): grants[2]',
        '  service account ci:* at prod-*/*: refused, since no recorder is left (fail closed): grants[2]',
        'go on unrecorded:',
        '  user ci-* elsewhere: passes unrecorded (within 60 s a day by grants[1]), since no recorder is left (fail open): grants[1]',
        'handed over to another recorder:',
        '  user ann (dev) at */db-0: recorded by rec-b:8181, else refused: grants[0], grants[3]',
        '  user ann (dev) elsewhere: recorded by rec-b:8181, else refused: grants[0]',
        '  group dev at */db-0: recorded by rec-b:8181, else refused: grants[0], grants[3]',
        '  group dev elsewhere: recorded by rec-b:8181, else refused: grants[0]',
        '  user ci-* at */db-0: recorded by rec-b:8181, else passes unrecorded (within 60 s a day by grants[1]): grants[1], grants[3]',
        '  device tag:ci at prod-*/db-0: recorded by rec-b:8181, else refused: grants[2], grants[3]',
        '  service account ci:* at prod-*/db-0: recorded by rec-b:8181, else refused: grants[2], grants[3]',
        'not touched: 3 of 8 callers',
      ],
    });
  });

  test('all: whoever fails open goes on, everybody else is refused', () => {
    const { refused, lines } = answerLost(config, ['rec-a:8181', 'rec-b:8181']);
    expect(refused).toBe(true);
    expect(lines.filter(line => line.includes('zoe'))).toEqual([
      '  user zoe at */db-0: passes unrecorded, since no recorder is left (fail open): grants[3]',
    ]);
    expect(lines.at(-1)).toBe('not touched: 0 of 8 callers');
  });

  test('one that only some pods need', () => {
    const { refused, lines } = answerLost(config, ['rec-b:8181']);
    expect(refused).toBe(false);
    expect(lines).toContain(
      '  group support at */db-0: passes unrecorded, since no recorder is left (fail open): grants[3]',
    );
    expect(lines.some(line => line.includes('device tag:ci at prod-*/*'))).toBe(false);
  });

  test('a recorder that nobody names', () => {
    expect(() => answerLost(config, ['rec-c:8181'])).toThrow('no grant names a recorder "rec-c:8181"');
  });
});

test('what each grant says', () => {
  expect(explainGrants(config)).toEqual([
    'callers are known by static',
    'grants[0]: group dev',
    '  groups:   adds viewers',
    '  where:    everywhere',
    '  sessions: recorded by rec-a:8181 or rec-b:8181, else refused: grants[0]',
    '  roads:    around the recorder are refused',
    '  requests: each is told to a recorder before it is forwarded',
    'grants[1]: user ci-*',
    '  where:    everywhere',
    '  sessions: recorded by rec-a:8181, else passes unrecorded (within 60 s a day by grants[1]): grants[1]',
    '  roads:    pass',
    'grants[2]: device tag:ci; service account ci:*',
    '  where:    namespaces prod-*; and every road whose end is not known',
    '  sessions: recorded by rec-a:8181, else refused: grants[2]',
    '  roads:    around the recorder pass, and are audited',
    '  note:     no source of identity knows tags, so its tags mean nobody',
    'grants[3]: user *',
    '  where:    pods db-0; and every road whose end is not known',
    '  sessions: recorded by rec-b:8181, else passes unrecorded: grants[3]',
    '  roads:    are refused where another grant enforces a recorder',
    'grants[4]: group support',
    '  acts as:  users *@corp.com',
    '  where:    everywhere',
    '  sessions: passes unrecorded: no rule asks for a recording',
    '  roads:    pass',
  ]);
});
