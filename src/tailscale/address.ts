import { isIPv4, isIPv6 } from 'node:net';

/** One end of a TCP connection. IPv6 without brackets; IPv4-mapped addresses are written as IPv4. */
export interface RemoteEnd {
  readonly address: string;
  readonly port: number;
}

/**
 * The address itself where it is IPv4 in IPv6 clothes (RFC 4291 section 2.5.5.2): a listener on `::` shows every IPv4
 * client so, and tailscaled knows its peers by the plain form.
 */
export function unmapped(address: string): string {
  const dotted = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (dotted !== undefined) return isIPv4(dotted) ? dotted : address;
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address);
  if (groups === null) return address;
  const bits = (Number.parseInt(groups[1] ?? '', 16) << 16) | Number.parseInt(groups[2] ?? '', 16);
  return [24, 16, 8, 0].map(shift => (bits >>> shift) & 0xff).join('.');
}

/** `ip:port`, with IPv6 in brackets, as Go's `netip.AddrPort` writes and reads it. */
export function addressPort({ address, port }: RemoteEnd): string {
  const plain = unmapped(address);
  return isIPv6(plain) ? `[${plain}]:${port}` : `${plain}:${port}`;
}
