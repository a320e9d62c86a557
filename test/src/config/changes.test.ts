import { describe, expect, test } from 'vitest';
import { changesBetween } from '../../../src/config/changes.ts';
import { parseConfig } from '../../../src/config/parse.ts';

const BASE = {
  listen: { port: 8443, tls: { cert: 'a.crt', key: 'a.key' } },
  upstream: { kubeconfig: 'up' },
  identity: { static: [{ user: 'ann', token: 'secret-of-ann' }] },
  audit: { file: 'audit.jsonl' },
};
const configOf = (changes: object) => parseConfig(JSON.stringify({ ...BASE, ...changes }), 'c.yaml');
const between = (changes: object, before: object = {}) => changesBetween(configOf(before), configOf(changes));

describe('what differs between two configurations', () => {
  test('nothing', () => {
    expect(between({})).toEqual({ sections: [], needRestart: [] });
    // Said or left out: the same.
    expect(between({ cluster: 'kubernetes', grants: [] })).toEqual({ sections: [], needRestart: [] });
  });

  const rows: readonly [name: string, after: object, sections: string[], needRestart: string[]][] = [
    ['a grant', { grants: [{ subjects: [{ user: 'ann' }], enforceRecorder: true }] }, ['grants'], []],
    ['a token', { identity: { static: [{ user: 'ann', token: 'other' }] } }, ['identity'], []],
    ['a bound of recordings', { recording: { connectMs: 1 } }, ['recording'], []],
    ['a bound of sessions', { sessions: { drainMs: 1 } }, ['sessions'], []],
    ['the log', { log: { level: 'debug' } }, ['log'], []],
    ['the cluster', { cluster: 'prod' }, [], ['cluster']],
    ['the port', { listen: { ...BASE.listen, port: 1 } }, [], ['listen.port']],
    [
      'the relays',
      { listen: { ...BASE.listen, proxyProtocol: { trusted: ['10.0.0.0/8'] } } },
      [],
      ['listen.proxyProtocol'],
    ],
    ['the admin port', { admin: { port: 1 } }, [], ['admin.port']],
    ['a role', { admin: { roles: { viewer: [{ user: 'ann' }] } } }, ['admin'], []],
    ['who is local', { admin: { local: [] } }, ['admin'], []],
    ['the upstream', { upstream: { inCluster: true } }, [], ['upstream.kubeconfig', 'upstream.inCluster']],
    ['the audit', { audit: { file: 'b' } }, [], ['audit.file']],
    [
      'both kinds',
      { audit: { file: 'b' }, grants: [{ subjects: [{ user: 'ann' }] }] },
      ['grants'],
      ['audit.file'],
    ],
  ];
  test.each(rows)('%s', (_name, after, sections, needRestart) => {
    const changes = between(after);
    expect(changes.sections.toSorted()).toEqual(sections);
    expect(changes.needRestart.toSorted()).toEqual(needRestart.toSorted());
    expect(JSON.stringify(changes)).not.toContain('secret');
  });

  test('the first source that reads certificates needs a listener that asks for them', () => {
    const reading = { identity: { ...BASE.identity, clientCertificate: { ca: 'ca.pem' } } };
    expect(between(reading).needRestart).toEqual(['identity.clientCertificate']);
    expect(between({}, reading)).toEqual({ sections: ['identity'], needRestart: [] });
    const other = { identity: { ...BASE.identity, requestHeader: { ca: 'x.pem', allowedNames: ['front'] } } };
    expect(between(other, reading)).toEqual({ sections: ['identity'], needRestart: [] });
  });
});
