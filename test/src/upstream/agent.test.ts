import { expect, test } from 'vitest';
import { createCertificates } from '../../../src/sandbox/certificate.ts';
import { secureContextOf, UpstreamAgent } from '../../../src/upstream/agent.ts';
import type { TlsOptions } from '../../../src/upstream/target.ts';

const first = await createCertificates(['localhost'], ['127.0.0.1']);
const second = await createCertificates(['localhost'], ['127.0.0.1']);

const tls = (ca: string, cert?: string, key?: string): TlsOptions => ({
  ca,
  cert,
  key,
  servername: undefined,
  rejectUnauthorized: true,
});
const agent = new UpstreamAgent();
const name = (options: TlsOptions): string =>
  agent.getName({ host: 'api', port: 443, ...options, secureContext: secureContextOf(options) });

test('certificates are read once for every content', () => {
  const copy = `${first.caPem.slice(0, 10)}${first.caPem.slice(10)}`;
  expect(secureContextOf(tls(copy))).toBe(secureContextOf(tls(first.caPem)));
  expect(secureContextOf(tls(second.caPem))).not.toBe(secureContextOf(tls(first.caPem)));
});

test.each([
  ['another authority', tls(second.caPem)],
  ['another client certificate', tls(first.caPem, second.certPem, second.keyPem)],
  ['another name', { ...tls(first.caPem), servername: 'other' }],
  ['no check', { ...tls(first.caPem), rejectUnauthorized: false }],
])('a connection is not shared under %s', (_what, options) => {
  expect(name(options)).not.toBe(name(tls(first.caPem)));
  expect(name(tls(first.caPem))).toBe(name(tls(first.caPem)));
});

test('a context of somebody else falls back to the key that Node makes', () => {
  expect(agent.getName({ host: 'api', port: 443, ca: 'x' })).not.toBe(
    agent.getName({ host: 'api', port: 443, ca: 'y' }),
  );
});
