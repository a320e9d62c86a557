import { createPrivateKey, X509Certificate } from 'node:crypto';
import { LocalApiError } from './local-api-error.ts';

/** What a TLS server shows, and how long it may. */
export interface CertificatePair {
  /** Chain, PEM, the server's own certificate first. */
  readonly cert: string;
  /** Private key, PEM. */
  readonly key: string;
  /** Milliseconds since the Unix epoch. */
  readonly validFrom: number;
  readonly validTo: number;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n[A-Za-z0-9+/=\r\n]+-----END \1-----/g;

/** Reads `type=pair` of the LocalAPI: a key and then a chain, in one PEM text. Throws a LocalApiError `badAnswer`. */
export function parseCertificatePair(text: string): CertificatePair {
  const blocks = [...text.matchAll(BLOCK)].map(([pem, label = '']) => ({ pem, label }));
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const chain = blocks.filter(({ label }) => label === 'CERTIFICATE');
  const [key] = keys;
  const [leaf] = chain;
  if (key === undefined || keys.length > 1 || leaf === undefined) {
    throw bad(`it holds ${keys.length} keys and ${chain.length} certificates`);
  }
  let certificate: X509Certificate;
  let matches: boolean;
  try {
    certificate = new X509Certificate(leaf.pem);
    matches = certificate.checkPrivateKey(createPrivateKey(key.pem));
  } catch (error) {
    throw bad('its key or certificate cannot be read', error);
  }
  if (!matches) throw bad('its key is not that of its certificate');
  return {
    cert: `${chain.map(({ pem }) => pem).join('\n')}\n`,
    key: `${key.pem}\n`,
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
  };
}

function bad(words: string, cause?: unknown): LocalApiError {
  return new LocalApiError('badAnswer', `tailscaled's certificate cannot be used: ${words}`, { cause });
}
