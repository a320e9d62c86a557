import { WitnessError } from '../errors.ts';

/** OpenSSL verification results as Node spells them (`X509_V_ERR_*` without the prefix), and Node's own. */
const UNTRUSTED =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA$|INVALID_PURPOSE$|HOSTNAME_MISMATCH$|ERR_TLS_CERT_)/;

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'it closed the connection before it answered',
  EPIPE: 'it closed the connection before it answered',
  ENOTFOUND: 'its name does not resolve',
  EAI_AGAIN: 'its name does not resolve',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'the connection timed out',
};

/** What went wrong on the way to the API server, in a few words without an address. */
export function causeOf(error: unknown): { readonly words: string; readonly protocol: boolean } {
  const code = codeOf(error);
  if (UNTRUSTED.test(code)) return { words: `its certificate is not trusted (${code})`, protocol: false };
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return { words: 'the TLS handshake failed', protocol: false };
  }
  if (code.startsWith('HPE_')) return { words: `it does not speak HTTP/1.1 (${code})`, protocol: true };
  return { words: UNREACHABLE[code] ?? (code === '' ? 'the request failed' : code), protocol: false };
}

/** The error to answer with. Its message is for callers, who need not know our network; `cause` is for the log. */
export function upstreamFailure(error: unknown): WitnessError {
  if (error instanceof WitnessError) return error;
  const { words, protocol } = causeOf(error);
  return protocol
    ? new WitnessError('KW_UPSTREAM_PROTOCOL', `the API server's answer cannot be read: ${words}`, {
        cause: error,
      })
    : new WitnessError('KW_UPSTREAM_UNREACHABLE', `the API server cannot be reached: ${words}`, {
        cause: error,
      });
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
