import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProxyHeaderStep } from '../../../src/tailscale/proxy-protocol.ts';
import { MAX_V2_BYTES, ProxyHeaderReader } from '../../../src/tailscale/proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const v1 = (line: string): Buffer => Buffer.from(`${line}\r\n`, 'latin1');
/** Command, family, block: the length is filled in. */
const v2 = (command: string, family: string, block: string): Buffer => {
  const bytes = hex(block);
  return Buffer.concat([hex(`${SIGNATURE} ${command} ${family}`), uint16(bytes.length), bytes]);
};
const uint16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};

const IPV4 = '64400007 64400001 9c40 01bb';
const IPV6 = 'fd7a115ca1e000000000000000000007 fd7a115ca1e000000000000000000001 9c40 01bb';
const MAPPED = '00000000000000000000ffff64400007 00000000000000000000ffff64400001 9c40 01bb';
const UNIX = '2f'.repeat(216);

const relayed = (address: string, port = 40_000) => ({ kind: 'relayed', source: { address, port } });
const OWN = { kind: 'own' };

const HEADERS: [string, Buffer, object][] = [
  ['v1 over IPv4', v1('PROXY TCP4 100.64.0.7 100.64.0.1 40000 443'), relayed('100.64.0.7')],
  ['v1 over IPv6', v1('PROXY TCP6 fd7a::7 fd7a::1 40000 443'), relayed('fd7a::7')],
  ['v1, IPv4-mapped', v1('PROXY TCP6 ::ffff:100.64.0.7 ::1 40000 443'), relayed('100.64.0.7')],
  [
    'v1, the longest addresses',
    v1(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`),
    relayed(`${'ffff:'.repeat(7)}ffff`, 65_535),
  ],
  ['v1, port 0', v1('PROXY TCP4 1.2.3.4 1.2.3.4 0 0'), relayed('1.2.3.4', 0)],
  ['v1, unknown', v1('PROXY UNKNOWN'), OWN],
  ['v1, unknown with addresses', v1(`PROXY UNKNOWN ${'f'.repeat(91)}`), OWN],
  ['v2 over IPv4', v2('21', '11', IPV4), relayed('100.64.0.7')],
  ['v2 over IPv6', v2('21', '21', IPV6), relayed('fd7a:115c:a1e0::7')],
  ['v2, IPv4-mapped', v2('21', '21', MAPPED), relayed('100.64.0.7')],
  ['v2 with vectors behind', v2('21', '11', `${IPV4} 04 0003 000000 ea 0001 41`), relayed('100.64.0.7')],
  ['v2 with what looks like vectors and is none', v2('21', '11', `${IPV4} ffff`), relayed('100.64.0.7')],
  ['v2, local', v2('20', '00', ''), OWN],
  ['v2, local with a family that counts for nothing', v2('20', '77', IPV4), OWN],
  ['v2, unspecified', v2('21', '00', ''), OWN],
  ['v2, unspecified with a block', v2('21', '00', IPV6), OWN],
  ['v2 over UDP', v2('21', '12', IPV4), OWN],
  ['v2 over a Unix socket', v2('21', '31', UNIX), OWN],
  ['v2, the longest', v2('21', '11', `${IPV4}${'00'.repeat(MAX_V2_BYTES - 16 - 12)}`), relayed('100.64.0.7')],
];

describe('a PROXY header', () => {
  test.each(HEADERS)('%s is read, and what follows is left', (_name, header, expected) => {
    const step = new ProxyHeaderReader().push(Buffer.concat([header, Buffer.from('\x16\x03\x01')]));
    expect(step).toEqual({ kind: 'header', header: expected, rest: Buffer.from('\x16\x03\x01') });
  });

  test.each(HEADERS)('%s may be cut anywhere', (_name, header, expected) => {
    for (let cut = 0; cut <= header.length; cut += 1) {
      const reader = new ProxyHeaderReader();
      const first = reader.push(header.subarray(0, cut));
      if (cut === header.length) expect(first).toMatchObject({ kind: 'header', header: expected });
      else {
        expect(first, `cut at ${cut}`).toEqual({ kind: 'more' });
        expect(reader.push(header.subarray(cut))).toEqual({
          kind: 'header',
          header: expected,
          rest: Buffer.alloc(0),
        });
      }
    }
  });

  test.each<[string, Buffer]>([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['TLS', hex('16030100')],
    ['v1 in lower case', v1('proxy TCP4 1.2.3.4 1.2.3.4 1 1')],
    ['v1, another family', v1('PROXY TCP5 1.2.3.4 1.2.3.4 1 1')],
    ['v1, the other family', v1('PROXY TCP4 ::1 ::1 1 1')],
    ['v1, IPv4 where IPv6 is said', v1('PROXY TCP6 1.2.3.4 1.2.3.4 1 1')],
    ['v1, a leading zero', v1('PROXY TCP4 1.2.3.04 1.2.3.4 1 1')],
    ['v1, a zone', v1('PROXY TCP6 fe80::1%eth0 ::1 1 1')],
    ['v1, brackets', v1('PROXY TCP6 [::1] ::1 1 1')],
    ['v1, a name', v1('PROXY TCP4 localhost 1.2.3.4 1 1')],
    ['v1, a port too high', v1('PROXY TCP4 1.2.3.4 1.2.3.4 65536 1')],
    ['v1, a port with a zero', v1('PROXY TCP4 1.2.3.4 1.2.3.4 01 1')],
    ['v1, a sign', v1('PROXY TCP4 1.2.3.4 1.2.3.4 +1 1')],
    ['v1, two blanks', v1('PROXY TCP4  1.2.3.4 1.2.3.4 1 1')],
    ['v1, a field too few', v1('PROXY TCP4 1.2.3.4 1.2.3.4 1')],
    ['v1, a field too many', v1('PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1')],
    ['v1, unknown and more in the word', v1('PROXY UNKNOWNX')],
    ['v1, LF alone', Buffer.from(`PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n${' '.repeat(100)}\r\n`)],
    ['v1, 108 bytes', v1(`PROXY UNKNOWN ${'f'.repeat(92)}`)],
    ['v2, version 1', v2('11', '11', IPV4)],
    ['v2, version 3', v2('31', '11', IPV4)],
    ['v2, an unknown command', v2('22', '11', IPV4)],
    ['v2, an unknown family', v2('21', '41', IPV4)],
    ['v2, an unknown transport', v2('21', '13', IPV4)],
    ['v2, too short for IPv4', v2('21', '11', '64400007 64400001 9c40')],
    ['v2, too short for IPv6', v2('21', '21', IPV4)],
    ['v2, too long', v2('21', '11', `${IPV4}${'00'.repeat(MAX_V2_BYTES)}`)],
    ['v2, nearly the signature', hex('0d0a0d0a000d0a515549540d')],
  ])('%s is none', (_name, bytes) => {
    expect(new ProxyHeaderReader().push(bytes).kind).toBe('fault');
  });

  test('what cannot become one is refused at its first wrong byte', () => {
    expect(new ProxyHeaderReader().push(Buffer.from('G')).kind).toBe('fault');
    expect(new ProxyHeaderReader().push(Buffer.from('PROXX')).kind).toBe('fault');
    expect(new ProxyHeaderReader().push(hex('0d0a0d0a01')).kind).toBe('fault');
  });

  test('that is announced as too long is refused before it comes', () => {
    const announced = Buffer.concat([hex(`${SIGNATURE} 21 11`), uint16(65_535)]);
    expect(new ProxyHeaderReader().push(announced).kind).toBe('fault');
  });

  test('says the same in whatever pieces it comes', () => {
    const headers = HEADERS.map(([, header]) => header).filter(({ length }) => length < 300);
    fc.assert(
      fc.property(
        fc.constantFrom(...headers),
        fc.uint8Array({ maxLength: 20 }),
        fc.array(fc.nat(300), { maxLength: 8 }),
        (header, tail, cuts) => {
          const bytes = Buffer.concat([header, tail]);
          const whole = new ProxyHeaderReader().push(bytes);
          expect(piecewise(bytes, cuts)).toEqual(whole);
        },
      ),
    );
  });

  test('reads any address as it was written', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), fc.nat(65_535), (four, six, port) => {
        const plain = new ProxyHeaderReader().push(v1(`PROXY TCP4 ${four} 1.1.1.1 ${port} 1`));
        expect(plain).toMatchObject({ header: relayed(four, port) });
        const long = new ProxyHeaderReader().push(v1(`PROXY TCP6 ${six} ::1 ${port} 1`));
        expect(long).toMatchObject({ kind: 'header', header: { source: { port } } });
      }),
    );
  });

  test('is all or nothing for any bytes at all', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom('', SIGNATURE, `${SIGNATURE}2111`),
        (tail, start) => {
          const { kind } = new ProxyHeaderReader().push(Buffer.concat([hex(start), tail]));
          expect(['more', 'header', 'fault']).toContain(kind);
        },
      ),
    );
  });
});

/** The step that ended it, with what came after added to what it left. */
function piecewise(bytes: Buffer, cuts: readonly number[]): ProxyHeaderStep {
  const reader = new ProxyHeaderReader();
  const borders = [0, ...cuts.map(cut => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
  for (const [at, from] of borders.slice(0, -1).entries()) {
    const to = borders[at + 1] ?? bytes.length;
    const step = reader.push(bytes.subarray(from, to));
    if (step.kind === 'header') return { ...step, rest: Buffer.concat([step.rest, bytes.subarray(to)]) };
    if (step.kind === 'fault') return step;
  }
  return { kind: 'more' };
}
