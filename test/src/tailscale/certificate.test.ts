import { createSecureContext } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCertificatePair } from '../../../src/tailscale/certificate-pair.ts';
import { openLocalApi } from '../../../src/tailscale/local-api.ts';
import { pairText } from './certificates.ts';
import type { FakeLocalApi } from './fake-local-api.ts';
import { fakeLocalApi } from './fake-local-api.ts';

const FROM = Date.UTC(2026, 0, 1);
const TO = Date.UTC(2026, 3, 1);
const pem = await pairText(FROM, TO);
const other = await pairText(FROM, TO);
const [key = '', cert = ''] = pem.split(/(?=-----BEGIN CERT)/);
const [otherKey = ''] = other.split(/(?=-----BEGIN CERT)/);

describe('a pair in one PEM text', () => {
  test('is taken apart, and its time is read', () => {
    const pair = parseCertificatePair(pem);
    expect(pair).toMatchObject({ validFrom: FROM, validTo: TO });
    expect(pair.cert).toContain('BEGIN CERTIFICATE');
    expect(pair.cert).not.toContain('PRIVATE KEY');
    expect(() => createSecureContext(pair)).not.toThrow();
  });

  test('keeps a whole chain, the leaf first', () => {
    const chain = parseCertificatePair(`${pem}${other.slice(otherKey.length)}`);
    expect(chain.cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  test.each([
    ['nothing', ''],
    ['no key', cert],
    ['no certificate', key],
    ['two keys', `${otherKey}${pem}`],
    ['the key of another', `${otherKey}${cert}`],
    ['a certificate that is none', `${key}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`],
    ['a page of HTML', '<html>'],
  ])('%s is refused', (_name, text) => {
    expect(() => parseCertificatePair(text)).toThrow(expect.objectContaining({ kind: 'badAnswer' }));
  });
});

describe('the certificate of this node', () => {
  let fake: FakeLocalApi;
  beforeEach(async () => {
    fake = await fakeLocalApi();
  });
  afterEach(() => fake.close());
  const ask = (minValidityMs = 0) =>
    openLocalApi({ socketPath: fake.socketPath }).certificate('kube.tail1234.ts.net', minValidityMs);

  test('is asked for with the time that it must hold', async () => {
    fake.answers.set('cert', { status: 200, body: pem });
    expect(await ask(90_500)).toMatchObject({ validTo: TO });
    expect(fake.asked).toEqual(['/localapi/v0/cert/kube.tail1234.ts.net?type=pair&min_validity=91s']);
  });

  test('is rate-limited: how long to wait is passed on', async () => {
    fake.answers.set('cert', { status: 429, body: 'rate limited', headers: { 'Retry-After': '3600' } });
    await expect(ask()).rejects.toMatchObject({ kind: 'unavailable', retryAfterMs: 3_600_000 });
  });

  test.each([
    ['an error', 500, 'unavailable'],
    ['a refusal', 403, 'denied'],
    ['no such name', 400, 'badAnswer'],
  ])('%s', async (_name, status, kind) => {
    fake.answers.set('cert', { status, body: 'no' });
    await expect(ask()).rejects.toMatchObject({ kind, retryAfterMs: undefined });
  });

  test('is not to be had while tailscaled is not connected', async () => {
    fake.backendState = 'NeedsLogin';
    fake.answers.set('cert', { status: 500, body: 'no netmap' });
    await expect(ask()).rejects.toMatchObject({ kind: 'notLoggedIn' });
  });
});
