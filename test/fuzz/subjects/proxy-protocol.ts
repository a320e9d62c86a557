import { isIP } from 'node:net';
import fc from 'fast-check';
import type { ProxyHeaderStep } from '../../../src/tailscale/proxy-protocol.ts';
import { MAX_V1_BYTES, MAX_V2_BYTES, ProxyHeaderReader } from '../../../src/tailscale/proxy-protocol.ts';
import type { Subject } from '../subject.ts';
import { must, mustEqual, pieces } from '../subject.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

function check(input: Buffer): void {
  const whole = new ProxyHeaderReader().push(input);
  mustEqual(inPieces(input), told(whole, 0), 'cut in pieces');
  if (whole.kind === 'more') must(input.length < Math.max(MAX_V1_BYTES, MAX_V2_BYTES), 'it waits for ever');
  if (whole.kind !== 'header') return;
  const used = input.length - whole.rest.length;
  must(used > 0 && input.subarray(used).equals(whole.rest), 'the rest is not what follows');
  const start = input.toString('latin1', 0, used);
  must(start.startsWith(SIGNATURE) || /^PROXY (?:(?!\r\n)[\s\S])*\r\n$/.test(start), 'no header at all');
  if (whole.header.kind === 'own') return;
  const { address, port } = whole.header.source;
  must(isIP(address) !== 0 && port >= 0 && port <= 65_535, `relayed for ${address}:${port}`);
  // A line that names somebody names them in so many words.
  must(
    start.startsWith(SIGNATURE) ||
      /^PROXY TCP[46] [0-9a-fA-F.:]+ [0-9a-fA-F.:]+ [0-9]+ [0-9]+\r\n$/.test(start),
    'a line read too kindly',
  );
}

function inPieces(input: Buffer): unknown {
  const reader = new ProxyHeaderReader();
  let given = 0;
  for (const piece of pieces(input)) {
    given += piece.length;
    const step = reader.push(piece);
    if (step.kind !== 'more') return told(step, input.length - given);
  }
  return { kind: 'more' };
}

/** `notYet`: bytes that were not pushed any more. */
function told(step: ProxyHeaderStep, notYet: number): unknown {
  return step.kind === 'header'
    ? { header: step.header, rest: step.rest.length + notYet }
    : { kind: step.kind };
}

const v1 = fc
  .tuple(fc.constantFrom('TCP4', 'TCP6', 'UNKNOWN', 'UDP4'), fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(70_000))
  .map(([family, address, port]) =>
    Buffer.from(`PROXY ${family} ${address} ${address} ${port} 443\r\nGET /`),
  );
const v2 = fc
  .tuple(
    fc.constantFrom(0x20, 0x21, 0x31),
    fc.constantFrom(0x11, 0x21, 0x12, 0x31, 0),
    fc.uint8Array({ maxLength: 60 }),
    fc.nat(9),
  )
  .map(([command, family, block, more]) =>
    Buffer.concat([
      Buffer.from(SIGNATURE, 'latin1'),
      Buffer.of(command, family, 0, Math.max(0, block.length - more)),
      block,
    ]),
  );

export const PROXY_PROTOCOL_SUBJECTS: readonly Subject[] = [
  {
    name: 'proxy-protocol',
    files: ['src/tailscale/proxy-protocol.ts', 'src/tailscale/address.ts'],
    words: [
      SIGNATURE,
      'PROXY ',
      'TCP4 ',
      'TCP6 ',
      'UNKNOWN',
      '\r\n',
      ' 1.2.3.4',
      '::ffff:1.2.3.4',
      '%eth0',
      '\x21\x11\x00\x0c',
      '\x20\x00\xff\xff',
    ],
    grammar: fc.oneof(v1, v2),
    check,
  },
];
