import { isIP, isIPv4, isIPv6 } from 'node:net';

export interface RecorderAddress {
  /** Name or IP address as a socket takes it: no brackets; a zone as `fe80::1%eth0`. */
  readonly host: string;
  readonly port: number;
  /** For the Host header (RFC 9110 section 7.2): brackets round IPv6, no zone (RFC 6874), no default port. */
  readonly authority: string;
}

const DEFAULT_PORT = 80;
const EXPECTED = 'expected host:port, or [address]:port for IPv6';
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** Reads `host:port`, `[v6]:port`, `host` or `[v6]` (port 80). Throws a RangeError fit for a config's list of problems. */
export function parseRecorderAddress(text: string): RecorderAddress {
  const match = /^(?:\[([^\]]*)\]|([^:[\]/@\s]+))(?::([0-9]{1,5}))?$/.exec(text);
  const bracketed = match?.[1];
  const plain = match?.[2];
  if (match === null) throw bad(text, whyUnreadable(text));
  const port = match[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (port < 1 || port > 65_535) throw bad(text, 'the port must be 1 to 65535');
  const host = bracketed === undefined ? checkName(text, plain ?? '') : checkV6(text, bracketed);
  const shown = bracketed === undefined ? host : `[${host.split('%')[0] ?? host}]`;
  return { host, port, authority: port === DEFAULT_PORT ? shown : `${shown}:${port}` };
}

function whyUnreadable(text: string): string {
  if (text === '') return `it is empty; ${EXPECTED}`;
  if (isIP(text) === 6) return `an IPv6 address stands in brackets: [${text}]`;
  if (text.includes('://') || text.includes('/')) return `no scheme and no path; ${EXPECTED}`;
  return EXPECTED;
}

function checkV6(text: string, inBrackets: string): string {
  // In a URL the zone's percent sign is written %25 (RFC 6874); people write both.
  const host = inBrackets.replace('%25', '%');
  if (!isIPv6(host)) throw bad(text, 'what stands in brackets must be an IPv6 address');
  return host;
}

function checkName(text: string, host: string): string {
  if (isIPv4(host)) return host;
  const labels = host.replace(/\.$/, '').split('.');
  if (host.length > 253 || !labels.every(label => LABEL.test(label))) throw bad(text, EXPECTED);
  // Resolvers take `10.0.0` and `0x7f.1` for addresses, each in its own way.
  if (/^([0-9]+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '')) throw bad(text, 'that is no IPv4 address');
  return host;
}

function bad(text: string, why: string): RangeError {
  return new RangeError(`${JSON.stringify(text)} is not a recorder address: ${why}`);
}
