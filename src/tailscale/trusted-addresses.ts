import { BlockList, isIPv4, isIPv6 } from 'node:net';

export type AddressTest = (address: string | undefined) => boolean;

/**
 * Whether an address is one of these, or in one of these networks (`10.0.0.0/8`). Throws a RangeError for what is
 * neither: a mistyped entry must not become nobody, nor everybody.
 */
export function trustedAddresses(entries: readonly string[]): AddressTest {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', length, ...more] = entry.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
    const bits = family === 'ipv4' ? 32 : 128;
    const isLength = length === undefined || (/^[0-9]{1,3}$/.test(length) && Number(length) <= bits);
    if (family === undefined || !isLength || more.length > 0) {
      throw new RangeError(`${entry} is neither an address nor a network such as 10.0.0.0/8`);
    }
    list.addSubnet(address, length === undefined ? bits : Number(length), family);
  }
  return address => {
    if (address === undefined) return false;
    // An IPv4-mapped address is looked up as the IPv4 address that it is.
    return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  };
}
