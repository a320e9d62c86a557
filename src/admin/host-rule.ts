import { isIP } from 'node:net';

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}

/**
 * True if the page and the API may answer a request for this host. A page elsewhere can point a name of its own at any
 * address (DNS rebinding) and would then be of the same origin; it cannot do so with an address, nor with `localhost`
 * (RFC 6761 6.3), nor with the names that were given to this server.
 */
export function isOwnHost(host: string | undefined, names: readonly string[]): boolean {
  if (host === undefined) return false;
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::\d{1,5})?$/.exec(host);
  const name = (match?.[1] ?? match?.[2] ?? '').toLowerCase();
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || names.includes(name);
}
