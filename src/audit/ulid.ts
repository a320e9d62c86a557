import { randomBytes } from 'node:crypto';

/** Crockford's base 32: no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID: 48 bits of milliseconds, 80 random bits; sorts by time (github.com/ulid/spec). */
export function ulid(nowMs: number, random: Uint8Array = randomBytes(10)): string {
  const bits = (BigInt(Math.floor(nowMs)) << 80n) | BigInt(`0x${Buffer.from(random).toString('hex')}`);
  let id = '';
  for (let at = 0n; at < 26n; at++) id = `${ALPHABET[Number((bits >> (at * 5n)) & 31n)]}${id}`;
  return id;
}
