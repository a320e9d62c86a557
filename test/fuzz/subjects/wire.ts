import fc from 'fast-check';
import type { SessionProtocol } from '../../../src/kube/remotecommand.ts';
import { SPDY_SUBPROTOCOLS, WEBSOCKET_SUBPROTOCOLS } from '../../../src/kube/remotecommand.ts';
import { ExitStatus } from '../../../src/session/exit-status.ts';
import { byteByByte, outcomeOf, replay, type Script, type Side, TTY, whole } from '../../src/wire/replay.ts';
import {
  control,
  data,
  HeaderDeflater,
  opening,
  ping,
  rst,
  synReply,
  synStream,
} from '../../src/wire/spdy-encoder.ts';
import { base64Message, frame, fromClient, fromServer, message } from '../../src/wire/websocket-encoder.ts';
import type { Subject } from '../subject.ts';
import { json, must, mustEqual, pieces } from '../subject.ts';

/** One SPDY control frame with the largest header block, the longest thing that is ever held back. */
const MAX_HELD_BYTES = 8 + 10 + 16 * 1024;

const FRAMES: readonly SessionProtocol[] = [
  ...WEBSOCKET_SUBPROTOCOLS.map(subprotocol => ({ transport: 'websocket', subprotocol }) as const),
  ...SPDY_SUBPROTOCOLS.map(subprotocol => ({ transport: 'spdy', subprotocol }) as const),
];

/** An input says the protocol, then who says how much: side, two bytes of length, bytes. */
function conversation(input: Buffer): { protocol: SessionProtocol; script: Script } {
  const protocol = FRAMES[(input[0] ?? 0) % FRAMES.length] ?? {
    transport: 'spdy',
    subprotocol: 'v4.channel.k8s.io',
  };
  const script: [Side, Buffer][] = [];
  for (let at = 1; at + 3 <= input.length; ) {
    const end = Math.min(input.length, at + 3 + input.readUInt16BE(at + 1));
    script.push([(input[at] ?? 0) % 2 === 0 ? 'client' : 'upstream', input.subarray(at + 3, end)]);
    at = end;
  }
  return { protocol, script };
}

/**
 * Payload that a client finds in upstream's bytes, by the plainest reading of RFC 6455 and of SPDY/3.1: what is more than
 * was reported was shown and not recorded. Undefined where it is wrapped in base64.
 */
function outputBytes({ transport, subprotocol }: SessionProtocol, bytes: Buffer): number | undefined {
  if (subprotocol.includes('base64')) return undefined;
  let found = 0;
  for (let at = 0; at < bytes.length; ) {
    const { headBytes, payloadBytes, isData, channelBytes } =
      transport === 'spdy' ? spdyHead(bytes.subarray(at)) : websocketHead(bytes.subarray(at));
    const there = Math.min(payloadBytes, Math.max(0, bytes.length - at - headBytes));
    if (isData) found += Math.max(0, there - channelBytes);
    at += headBytes + payloadBytes;
  }
  return found;
}

interface Head {
  readonly headBytes: number;
  readonly payloadBytes: number;
  readonly isData: boolean;
  /** Of the payload, at its start. */
  readonly channelBytes: number;
}

function spdyHead(bytes: Buffer): Head {
  const isData = ((bytes[0] ?? 0) & 0x80) === 0;
  return {
    headBytes: 8,
    payloadBytes: bytes.length < 8 ? 0 : bytes.readUIntBE(5, 3),
    isData,
    channelBytes: 0,
  };
}

function websocketHead(bytes: Buffer): Head {
  const opcode = (bytes[0] ?? 0) & 15;
  const short = (bytes[1] ?? 0) & 127;
  const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
  const isWhole = bytes.length >= headBytes;
  const long =
    short === 127
      ? Number(isWhole && bytes.readBigUInt64BE(2))
      : short === 126 && isWhole
        ? bytes.readUInt16BE(2)
        : 0;
  const payloadBytes = short >= 126 ? long : short;
  // An empty first fragment leaves the channel to the next one; no server does that, and it is refused.
  return { headBytes, payloadBytes, isData: opcode < 8, channelBytes: opcode === 0 ? 0 : 1 };
}

function checkWire(input: Buffer): void {
  const { protocol, script } = conversation(input);
  const atOnce = replay(protocol, TTY, script, whole);
  for (const side of ['client', 'upstream'] as const) {
    const given = Buffer.concat(script.filter(([from]) => from === side).map(([, bytes]) => bytes)).toString(
      'hex',
    );
    must(given.startsWith(atOnce.accepted[side]), `${side}: what goes on is not what came`);
    const held = (given.length - atOnce.accepted[side].length) / 2;
    must(atOnce.violation?.side === side || held < MAX_HELD_BYTES, `${side}: ${held} bytes are held`);
  }
  const { stdout = '', stderr = '', error = '' } = atOnce.heard;
  const shown = outputBytes(protocol, Buffer.from(atOnce.accepted.upstream, 'hex'));
  must(
    shown === undefined || shown === (stdout + stderr + error).length / 2,
    `${shown} bytes reach the client, ${(stdout + stderr + error).length / 2} are recorded`,
  );
  mustEqual(outcomeOf(replay(protocol, TTY, script, byteByByte)), outcomeOf(atOnce), 'cut in bytes');
  mustEqual(outcomeOf(replay(protocol, TTY, script, pieces)), outcomeOf(atOnce), 'cut in pieces');
  for (const piece of atOnce.codec.ending({ statusJson: '{}', text: 'm' }))
    must(piece.length >= 0, 'no bytes');
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 130 }).map(bytes => Buffer.from(bytes)),
  fc.constantFrom('{"Width":80,"Height":24}', '{"width":1}', '').map(text => Buffer.from(text)),
);
const mask = fc.constant(Buffer.from('11223344', 'hex'));
const websocketFrame = fc.oneof(
  fc.tuple(fc.nat(4), payload).map(([channel, bytes]) => fromServer(message(channel, bytes))),
  fc.tuple(fc.constantFrom(0, 4), payload).map(([channel, bytes]) => fromClient(message(channel, bytes))),
  fc.tuple(fc.nat(4), payload).map(([channel, bytes]) => fromServer(base64Message(channel, bytes), 1)),
  fc.record({ fin: fc.boolean(), opcode: fc.nat(10), payload, mask }).map(frame),
  fc.record({ fin: fc.boolean(), rsv: fc.constantFrom(0, 0, 4), opcode: fc.nat(10), payload }).map(frame),
  fc
    .constantFrom('880203e8', '8880000000 00', '82fe', '827f0000010000000000')
    .map(hex => Buffer.from(hex, 'hex')),
);
const spdyFrame = fc.oneof(
  fc.shuffledSubarray(['error', 'stdin', 'stdout', 'resize']).map(types => opening(types)),
  fc.tuple(fc.nat(9), payload, fc.nat(1)).map(([id, bytes, flags]) => data(id, bytes, flags)),
  fc.tuple(fc.nat(9), payload).map(([id, block]) => synStream(id, block)),
  fc.nat(9).map(id => synReply(id, new HeaderDeflater().block([]))),
  fc.tuple(fc.nat(10), payload, fc.nat(1)).map(([type, bytes, flags]) => control(type, bytes, flags)),
  fc.nat(9).map(id => rst(id)),
  fc.nat(9).map(id => ping(id)),
);
const grammar = fc
  .tuple(
    fc.nat(FRAMES.length - 1),
    fc
      .boolean()
      .chain(spdy => fc.array(fc.tuple(fc.nat(1), spdy ? spdyFrame : websocketFrame), { maxLength: 8 })),
  )
  .map(([protocol, parts]) =>
    Buffer.concat([
      Buffer.of(protocol),
      ...parts.flatMap(([side, bytes]) => [Buffer.of(side, bytes.length >> 8, bytes.length & 255), bytes]),
    ]),
  );

function checkExitStatus(input: Buffer): void {
  for (const protocol of FRAMES) {
    const read = (chunks: readonly Buffer[]): number | undefined => {
      const status = new ExitStatus();
      for (const chunk of chunks) status.push(chunk);
      return status.exitCode(protocol);
    };
    const code = read([input]);
    must(code === undefined || (code >= 0 && code <= 999), `exit code ${code}`);
    must(
      code !== 0 || /Success|"0{1,3}"/.test(input.toString('latin1')) || input.includes('\\u'),
      'success, unsaid',
    );
    mustEqual(read(pieces(input)), code, 'cut in pieces');
  }
}

export const WIRE_SUBJECTS: readonly Subject[] = [
  {
    name: 'wire',
    files: [
      'src/wire/websocket-reader.ts',
      'src/wire/websocket-codec.ts',
      'src/wire/spdy-reader.ts',
      'src/wire/spdy-codec.ts',
      'src/wire/spdy-client-side.ts',
      'src/wire/spdy-upstream-side.ts',
      'src/wire/spdy-headers.ts',
      'src/wire/resize.ts',
      'src/wire/base64-decoder.ts',
    ],
    words: [
      '\x80\x03\x00\x01',
      '\x80\x03\x00\x02',
      '\x82\x7f',
      '\x82\xfe',
      '\x88\x02\x03\xe8',
      '{"Width":',
      '}\n',
      '\xff\x00',
    ],
    grammar,
    check: checkWire,
  },
  {
    name: 'exit-status',
    files: ['src/session/exit-status.ts'],
    words: [
      '"status":"Success"',
      '"reason":"NonZeroExitCode"',
      '"ExitCode"',
      '"message":"137"',
      '"__proto__"',
      'null',
    ],
    grammar: json(
      ['status', 'reason', 'details', 'causes', 'message'],
      ['Success', 'Failure', 'NonZeroExitCode', { reason: 'ExitCode', message: '137' }, '0', null],
    ).map(value => Buffer.from(JSON.stringify(value))),
    check: checkExitStatus,
  },
];
