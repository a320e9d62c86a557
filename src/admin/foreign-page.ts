import type { IncomingMessage } from 'node:http';
import { WitnessError } from '../errors.ts';
import { WRITE_HEADER } from '../live/role.ts';
import { isSameOrigin } from '../live/viewer-upgrade.ts';

/**
 * Refuses what a page of another site makes a browser send here: it would come with the cookie, the certificate or the
 * address of whoever looks at that page. Programs send none of these headers, and are asked for one when they write.
 * Throws KW_FORBIDDEN. Fetch Metadata Request Headers (W3C), 2.2; RFC 6454 7.
 */
export function refuseForeignPage({ headers }: IncomingMessage, writes: boolean): void {
  const site = headers['sec-fetch-site'];
  // `none`: somebody typed the address or took a bookmark, and that writes nothing.
  if (site !== undefined && site !== 'same-origin' && (writes || site !== 'none')) {
    throw forbidden('this request was made by a page of another site');
  }
  if (!writes) return;
  if (headers.origin !== undefined && !isSameOrigin(headers.origin, headers.host)) {
    throw forbidden('this request was made by a page of another origin');
  }
  if (headers[WRITE_HEADER.name] !== WRITE_HEADER.value) {
    throw forbidden(`whatever writes needs the header ${WRITE_HEADER.name}: ${WRITE_HEADER.value}`);
  }
}

function forbidden(message: string): WitnessError {
  return new WitnessError('KW_FORBIDDEN', message);
}
