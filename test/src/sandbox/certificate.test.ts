import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import { createCertificates } from '../../../src/sandbox/certificate.ts';

test('the server certificate is signed by the authority and names every address', async () => {
  const { caPem, certPem, keyPem } = await createCertificates(
    ['localhost', 'proxy.example'],
    ['127.0.0.1', '::1'],
  );
  const ca = new X509Certificate(caPem);
  const leaf = new X509Certificate(certPem);
  expect(ca.ca).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(leaf.checkIssued(ca)).toBe(true);
  expect(leaf.verify(ca.publicKey)).toBe(true);
  expect(leaf.checkHost('proxy.example')).toBe('proxy.example');
  expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(leaf.checkIP('::1')).toBe('::1');
  expect(leaf.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
  const days = (Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)) / 86_400_000;
  expect(days).toBeCloseTo(365, 0);
  expect(() => createSecureContext({ cert: certPem, key: keyPem })).not.toThrow();
});
