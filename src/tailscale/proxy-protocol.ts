import { isIPv4, isIPv6 } from 'node:net';
import type { RemoteEnd } from './address.ts';
import { unmapped } from './address.ts';

/** What a PROXY header says: whom the connection is relayed for, or that the sender speaks for itself. */
export type ProxyHeader = { readonly kind: 'relayed'; readonly source: RemoteEnd } | { readonly kind: 'own' };

export type ProxyHeaderStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'header'; readonly header: ProxyHeader; readonly rest: Buffer }
  | { readonly kind: 'fault'; readonly message: string };

/** PROXY protocol section 2.1: the longest line, CRLF included. */
export const MAX_V1_BYTES = 107;
/** Fixed part and the largest address block of section 2.2; behind it senders put vectors. */
export const V2_ADDRESSED_BYTES = 16 + 216;
/** Room for those: a TLS name, a certificate name and what clouds add need some hundred bytes. */
export const MAX_V2_BYTES = V2_ADDRESSED_BYTES + 4096;

const V1_START = Buffer.from('PROXY ', 'latin1');
const V2_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
const CRLF = '\r\n';

const MORE: ProxyHeaderStep = { kind: 'more' };

/**
 * Reads one header of the PROXY protocol, version 1 or 2, in whatever pieces it comes. Keeps at most `MAX_V2_BYTES` and
 * the piece that the header ends in. After a header or a fault it is used up.
 */
export class ProxyHeaderReader {
  #read: Buffer = Buffer.alloc(0);

  push(piece: Uint8Array): ProxyHeaderStep {
    this.#read = Buffer.concat([this.#read, piece]);
    if (begins(this.#read, V2_START)) return readV2(this.#read);
    if (begins(this.#read, V1_START)) return readV1(this.#read);
    return fault('it does not begin with a PROXY header');
  }
}

/** Whether what was read so far is the start, or may still become it. */
function begins(read: Buffer, start: Buffer): boolean {
  const length = Math.min(read.length, start.length);
  return read.subarray(0, length).equals(start.subarray(0, length));
}

function readV1(read: Buffer): ProxyHeaderStep {
  const end = read.subarray(0, MAX_V1_BYTES).indexOf(CRLF);
  if (end < 0) return read.length < MAX_V1_BYTES ? MORE : fault('its PROXY line is too long');
  const line = read.toString('latin1', V1_START.length, end);
  const header = parseLine(line);
  if (header === undefined) return fault('its PROXY line cannot be read');
  return { kind: 'header', header, rest: read.subarray(end + CRLF.length) };
}

function parseLine(line: string): ProxyHeader | undefined {
  // Whatever stands behind UNKNOWN is to be passed over.
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return { kind: 'own' };
  const [family, ...fields] = line.split(' ');
  const [from = '', to = '', fromPort = '', toPort = '', ...more] = fields;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : () => false;
  if (more.length > 0 || !isAddress(from) || !isAddress(to) || !isPort(fromPort) || !isPort(toPort)) {
    return undefined;
  }
  return { kind: 'relayed', source: { address: unmapped(from), port: Number(fromPort) } };
}

/** A zone is a name of the sender's own and says nothing here. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readV2(read: Buffer): ProxyHeaderStep {
  if (read.length < V2_FIXED_BYTES) return MORE;
  const command = read.readUInt8(12);
  const family = read.readUInt8(13);
  const length = V2_FIXED_BYTES + read.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21)
    return fault('its PROXY header has an unknown version or command');
  if (length > MAX_V2_BYTES) return fault('its PROXY header is too long');
  if (read.length < length) return MORE;
  const rest = read.subarray(length);
  // LOCAL, such as a health check: whatever the block holds is to be passed over.
  if (command === 0x20) return { kind: 'header', header: { kind: 'own' }, rest };
  if (family >> 4 > 3 || (family & 15) > 2) return fault('its PROXY header has an unknown address family');
  const addressBytes = ADDRESS_BYTES.get(family);
  // Unspecified, or neither TCP over IPv4 nor over IPv6: section 2.2 wants those taken as unspecified.
  if (addressBytes === undefined) return { kind: 'header', header: { kind: 'own' }, rest };
  const block = read.subarray(V2_FIXED_BYTES, length);
  if (block.length < 2 * addressBytes + 4) return fault('its PROXY header is too short for its addresses');
  // Source address, destination address, source port, destination port.
  const source = {
    address: writeAddress(block.subarray(0, addressBytes)),
    port: block.readUInt16BE(2 * addressBytes),
  };
  return { kind: 'header', header: { kind: 'relayed', source }, rest };
}

/** By the byte of family and protocol: TCP over IPv4, TCP over IPv6. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [0x11, 4],
  [0x21, 16],
]);

function writeAddress(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  // The URL parser writes the shortest form (RFC 5952), which is how everybody else will write this address.
  return unmapped(new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1));
}

function fault(message: string): ProxyHeaderStep {
  return { kind: 'fault', message };
}
