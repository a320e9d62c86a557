import { generate } from 'selfsigned';

/** A server certificate as `type=pair` brings it: the key, then the certificate. */
export async function pairText(from: number, to: number): Promise<string> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'kube.tail1234.ts.net' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(from),
    notAfterDate: new Date(to),
  });
  return `${key.trim()}\n${cert.trim()}\n`;
}
