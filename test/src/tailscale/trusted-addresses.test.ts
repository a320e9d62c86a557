import { describe, expect, test } from 'vitest';
import { addressPort, unmapped } from '../../../src/tailscale/address.ts';
import { trustedAddresses } from '../../../src/tailscale/trusted-addresses.ts';

describe('an address', () => {
  test.each([
    ['100.64.0.7', '100.64.0.7', '100.64.0.7:80'],
    ['::ffff:100.64.0.7', '100.64.0.7', '100.64.0.7:80'],
    ['::FFFF:6440:7', '100.64.0.7', '100.64.0.7:80'],
    ['::ffff:ffff:ffff', '255.255.255.255', '255.255.255.255:80'],
    ['::ffff:0:7', '0.0.0.7', '0.0.0.7:80'],
    ['fd7a::7', 'fd7a::7', '[fd7a::7]:80'],
    ['::ffff:1.2.3.400', '::ffff:1.2.3.400', '::ffff:1.2.3.400:80'],
    ['64:ff9b::1.2.3.4', '64:ff9b::1.2.3.4', '[64:ff9b::1.2.3.4]:80'],
  ])('%s', (address, plain, written) => {
    expect(unmapped(address)).toBe(plain);
    expect(addressPort({ address, port: 80 })).toBe(written);
  });
});

describe('trusted addresses', () => {
  const isTrusted = trustedAddresses(['127.0.0.1', '10.1.0.0/16', 'fd00::/8', '::1']);

  test.each([
    ['127.0.0.1', true],
    ['::ffff:127.0.0.1', true],
    ['127.0.0.2', false],
    ['10.1.255.255', true],
    ['::ffff:10.1.2.3', true],
    ['10.2.0.0', false],
    ['fd12::1', true],
    ['fe80::1', false],
    ['::1', true],
    ['::2', false],
    [undefined, false],
    ['', false],
  ])('%s: %s', (address, expected) => {
    expect(isTrusted(address)).toBe(expected);
  });

  test('nobody, when none is named', () => {
    expect(trustedAddresses([])('127.0.0.1')).toBe(false);
  });

  test.each([
    '',
    'localhost',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    'fe80::1%lo',
    '*',
  ])('%j is refused', entry => {
    expect(() => trustedAddresses([entry])).toThrow(RangeError);
  });
});
