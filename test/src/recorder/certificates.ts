import { generate } from 'selfsigned';

export interface Authority {
  readonly cert: string;
  readonly private: string;
}

const KEY = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

export function authority(): Promise<Authority> {
  return generate([{ name: 'commonName', value: 'test authority' }], {
    ...KEY,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
}

/** A certificate for both ends of TLS, with the subject's organizations. */
export async function certificate(
  ca: Authority,
  organizations: readonly string[] = [],
): Promise<{ cert: string; key: string }> {
  const subject = organizations.map(value => ({ name: 'organizationName', value }));
  const leaf = await generate([{ name: 'commonName', value: 'leaf' }, ...subject], {
    ...KEY,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { cert: leaf.cert, key: leaf.private };
}
