import { optionalPackage } from './optional-package.ts';

/** PEM texts: the authority to trust, and a server certificate that it signed with its key. */
export interface Certificates {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

const HOUR_MS = 3_600_000;
const VALID_FOR_MS = 365 * 24 * HOUR_MS;
const KEY = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

/**
 * A fresh authority and a server certificate for these DNS names and IP addresses, valid for a year. The authority's
 * key is thrown away. Go clients look at the subject alternative names only (RFC 6125 6.4.4), so every address that
 * a kubeconfig may use has to be listed.
 *
 * @throws WitnessError KW_INTERNAL when the optional package selfsigned is missing
 */
export async function createCertificates(
  names: readonly string[],
  ips: readonly string[],
): Promise<Certificates> {
  const { generate } = await optionalPackage('selfsigned', () => import('selfsigned'));
  // An hour back, so that a client whose clock is a little slow accepts it at once.
  const notBeforeDate = new Date(Date.now() - HOUR_MS);
  const lifetime = { notBeforeDate, notAfterDate: new Date(notBeforeDate.getTime() + VALID_FOR_MS) };
  const ca = await generate([{ name: 'commonName', value: 'kubewitness local authority' }], {
    ...KEY,
    ...lifetime,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const leaf = await generate([{ name: 'commonName', value: names[0] ?? ips[0] ?? 'localhost' }], {
    ...KEY,
    ...lifetime,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map(value => ({ type: 2 as const, value })),
          ...ips.map(ip => ({ type: 7 as const, ip })),
        ],
      },
    ],
  });
  return { caPem: ca.cert, certPem: leaf.cert, keyPem: leaf.private };
}
