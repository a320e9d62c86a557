import { constants, X509Certificate } from 'node:crypto';
import type { TlsOptions } from 'node:tls';

/** Node reads one revocation list of a text, and any number of certificates. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const REVOCATION_LIST = /-----BEGIN X509 CRL-----[\s\S]*?-----END X509 CRL-----/g;

/** The certificates of a PEM text. Throws a RangeError when there is none, or one that cannot be read. */
export function parseAuthorities(pem: string): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new RangeError('it holds no certificate');
  return blocks.map(block => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new RangeError('it holds a certificate that cannot be read', { cause: error });
    }
  });
}

/**
 * Whether one of these authorities signed this certificate itself. The listener trusts the authorities of all sources
 * together, so each source has to look which one it was. Intermediate authorities stand in the same file.
 */
export function isIssuedBy(certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  return authorities.some(
    authority =>
      authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  );
}

/**
 * What a TLS listener needs so that clients may show certificates and need not: their chains are checked against all
 * these authorities and lists, and the sources judge by the outcome. Throws a RangeError for a text that holds no list.
 *
 * With any list, OpenSSL wants one for every authority: the certificates of an authority without one, or with one that is
 * out of date, are all refused.
 */
export function clientCertificateListener(pems: {
  /** PEM texts, of all sources that read certificates. */
  readonly authorities: readonly string[];
  readonly revocationLists: readonly string[];
}): Pick<TlsOptions, 'requestCert' | 'rejectUnauthorized' | 'ca' | 'crl' | 'secureOptions'> {
  const lists = pems.revocationLists.flatMap(pem => {
    const found = pem.match(REVOCATION_LIST) ?? [];
    if (found.length === 0) throw new RangeError('it holds no certificate revocation list');
    return found;
  });
  return {
    requestCert: true,
    // The others know their callers by something else.
    rejectUnauthorized: false,
    ca: [...pems.authorities],
    ...(lists.length === 0 ? {} : { crl: lists }),
    // A resumed session repeats an old verdict: the certificate may have been revoked since. And in TLS 1.2 a client could
    // show another certificate later on, by the verdict on its first one: Node does not take that back.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}
