import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';

const config = (mode: string, changes: object): object => ({
  listen: { tls: { cert: 'c', key: 'k' } },
  upstream: { mode, inCluster: true },
  identity: { tailscale: {} },
  audit: { file: 'a' },
  ...changes,
});
const problems = (mode: string, changes: object): string => {
  try {
    parseConfig(JSON.stringify(config(mode, changes)), 'c.yaml');
    return '';
  } catch (error) {
    return String(error);
  }
};

test('sources that go by the connection are enough in noauth', () => {
  expect(problems('noauth', {})).toBe('');
  expect(problems('noauth', { grants: [{ subjects: [{ user: '*' }], enforceRecorder: true }] })).toBe('');
});

test.each<[string, object, string]>([
  [
    'a token of ours, which would be sent on',
    { identity: { static: [{ user: 'a', token: 't' }] } },
    'identity.static',
  ],
  ['a token to be reviewed', { identity: { tailscale: {}, tokenReview: {} } }, 'identity.tokenReview'],
  [
    'groups that nobody would get',
    { grants: [{ subjects: [{ user: 'a' }], impersonate: { groups: ['g'] } }] },
    'grants[0].impersonate:',
  ],
  [
    'leave to act as others, which the API server gives',
    { grants: [{ subjects: [{ user: 'a' }], impersonateAs: { users: ['b'] } }] },
    'grants[0].impersonateAs:',
  ],
  [
    'a marker that is impersonated',
    { upstream: { mode: 'noauth', inCluster: true, marker: true } },
    'upstream.marker',
  ],
])('%s is a problem in noauth alone', (_name, changes, path) => {
  expect(problems('noauth', changes)).toMatch(/goes with (upstream\.)?mode auth only/);
  expect(problems('noauth', changes)).toContain(path);
  const same = {
    ...changes,
    ...('upstream' in changes ? { upstream: { inCluster: true, marker: true } } : {}),
  };
  expect(problems('auth', same)).toBe('');
});

test('there is no third mode', () => {
  expect(problems('none', {})).toContain('upstream.mode');
});
