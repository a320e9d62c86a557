import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHANNELS,
  type SessionProtocol,
  SPDY_SUBPROTOCOLS,
  type StreamName,
  WEBSOCKET_SUBPROTOCOLS,
} from '../../../src/kube/remotecommand.ts';
import { type Cut, outcomeOf, type Replayed, replay, type Script, type Side, TTY, whole } from './replay.ts';
import { control, data, HeaderDeflater, headers, ping, rst, synReply, synStream } from './spdy-encoder.ts';
import { base64Message, frame, message } from './websocket-encoder.ts';

/** One SPDY control frame with the largest header block, the longest thing that is ever held back. */
const MAX_HELD_BYTES = 8 + 10 + 16 * 1024;

const payload = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes));
const mask = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(bytes => Buffer.from(bytes));
const outputChannel = fc.constantFrom(1, 2, 3);

/** Pieces of random lengths. */
const randomCut: fc.Arbitrary<Cut> = fc
  .array(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 200 })), { minLength: 1 })
  .map(lengths => bytes => {
    const pieces: Buffer[] = [];
    for (let at = 0, index = 0; at < bytes.length; index++) {
      const length = lengths[index % lengths.length] ?? 1;
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    return pieces;
  });

const protocol: fc.Arbitrary<SessionProtocol> = fc.oneof(
  fc
    .constantFrom(...WEBSOCKET_SUBPROTOCOLS)
    .map(subprotocol => ({ transport: 'websocket', subprotocol }) as const),
  fc.constantFrom(...SPDY_SUBPROTOCOLS).map(subprotocol => ({ transport: 'spdy', subprotocol }) as const),
);

interface Item {
  readonly bytes: Buffer;
  readonly heard?: readonly [StreamName, Buffer];
}

function sent(items: readonly Item[]): { bytes: Buffer; heard: Partial<Record<StreamName, string>> } {
  const heard: Partial<Record<StreamName, string>> = {};
  for (const { heard: pair } of items) {
    if (pair !== undefined && pair[1].length > 0)
      heard[pair[0]] = (heard[pair[0]] ?? '') + pair[1].toString('hex');
  }
  return { bytes: Buffer.concat(items.map(({ bytes }) => bytes)), heard };
}

function streamOf(channel: number): StreamName {
  return CHANNELS[channel] ?? 'stdin';
}

const serverControl: fc.Arbitrary<Item> = fc
  .tuple(fc.constantFrom(9, 10), fc.uint8Array({ maxLength: 125 }))
  .map(([opcode, body]) => ({ bytes: frame({ opcode, payload: Buffer.from(body) }) }));

/** A message in one to five frames, with pings between them. */
function serverMessage(base64: boolean): fc.Arbitrary<Item> {
  return fc
    .tuple(outputChannel, payload, fc.array(fc.nat(310), { maxLength: 4 }), serverControl)
    .map(([channel, body, cuts, between]) => {
      const text = base64 ? base64Message(channel, body) : message(channel, body);
      const places = [0, ...cuts.map(cut => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
      const frames = places.slice(1).flatMap((end, index) => {
        const opcode = index > 0 ? 0 : base64 ? 1 : 2;
        const fin = index === places.length - 2;
        const piece = frame({ fin, opcode, payload: text.subarray(places[index], end) });
        return index > 0 ? [between.bytes, piece] : [piece];
      });
      return { bytes: Buffer.concat(frames), heard: [streamOf(channel), body] };
    });
}

function clientMessage(base64: boolean): fc.Arbitrary<Item> {
  return fc
    .tuple(fc.constantFrom(0, 4), payload, mask, fc.constantFrom(1, 2))
    .map(([channel, body, key, opcode]) => {
      const text = base64 ? base64Message(channel, body) : message(channel, body);
      const bytes = frame({ opcode, mask: key, payload: text });
      return channel === 4 ? { bytes, heard: ['resize', body] as const } : { bytes };
    });
}

function expectPassed(replayed: Replayed, side: Side, items: readonly Item[], before: Buffer): void {
  const { bytes, heard } = sent(items);
  expect(replayed.violation).toBeUndefined();
  expect(replayed.accepted[side]).toBe(Buffer.concat([before, bytes]).toString('hex'));
  expect(replayed.heard).toEqual(heard);
}

const NONE = Buffer.alloc(0);

describe.each(WEBSOCKET_SUBPROTOCOLS)('generated WebSocket frames of %s', subprotocol => {
  const base64 = subprotocol.includes('base64');

  test('of a server are read right under random splits', () => {
    const items = fc.array(fc.oneof(serverMessage(base64), serverControl), { maxLength: 8 });
    fc.assert(
      fc.property(items, randomCut, (list, cut) => {
        const script: Script = [['upstream', sent(list).bytes]];
        expectPassed(
          replay({ transport: 'websocket', subprotocol }, TTY, script, cut),
          'upstream',
          list,
          NONE,
        );
      }),
    );
  });

  test('of a client are read right under random splits', () => {
    fc.assert(
      fc.property(fc.array(clientMessage(base64), { maxLength: 8 }), randomCut, (list, cut) => {
        const script: Script = [['client', sent(list).bytes]];
        expectPassed(replay({ transport: 'websocket', subprotocol }, TTY, script, cut), 'client', list, NONE);
      }),
    );
  });
});

describe('generated SPDY frames', () => {
  const TYPES = ['error', 'stdin', 'stdout', 'resize'] as const;
  const V4: SessionProtocol = { transport: 'spdy', subprotocol: 'v4.channel.k8s.io' };

  /** SYN_STREAMs in any order, each followed by HEADERS or not; the last one closes the door to header blocks. */
  const opening = fc
    .tuple(
      fc.shuffledSubarray([...TYPES], { minLength: 4 }),
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    )
    .map(([types, extra]) => {
      const deflater = new HeaderDeflater();
      const frames = types.flatMap((type, index) => {
        const id = 2 * index + 1;
        const syn = synStream(id, deflater.block([['streamtype', type]]));
        const more = extra[index] === true && index < 3;
        return more ? [syn, headers(id, deflater.block([['note', type]]))] : [syn];
      });
      return {
        bytes: Buffer.concat(frames),
        id: (type: StreamName) => 2 * types.indexOf(type as 'error') + 1,
      };
    });

  const anyControl = fc.constantFrom(
    ping(1),
    ping(2),
    control(4, Buffer.alloc(4)),
    control(9, Buffer.alloc(8)),
    rst(3),
  );

  test('are read right under random splits', () => {
    const writes = (names: readonly StreamName[]) =>
      fc.array(fc.tuple(fc.constantFrom(...names), payload, anyControl), { maxLength: 8 });
    const input = fc.record({
      opened: opening,
      up: writes(['stdin', 'resize']),
      down: writes(['stdout', 'error']),
      cut: randomCut,
    });
    fc.assert(
      fc.property(input, ({ opened, up, down, cut }) => {
        const item = ([name, body, extra]: readonly [StreamName, Buffer, Buffer]): Item => ({
          bytes: Buffer.concat([data(opened.id(name), body), extra]),
          ...(name === 'stdin' ? {} : { heard: [name, body] as const }),
        });
        const deflater = new HeaderDeflater();
        const replies: Item = {
          bytes: Buffer.concat([7, 1, 3, 5].map(id => synReply(id, deflater.block([])))),
        };
        const client = up.map(item);
        const upstream = [replies, ...down.map(item)];
        const asClient = replay(
          V4,
          TTY,
          [['client', Buffer.concat([opened.bytes, sent(client).bytes])]],
          cut,
        );
        expectPassed(asClient, 'client', client, opened.bytes);
        const both = replay(
          V4,
          TTY,
          [
            ['client', opened.bytes],
            ['upstream', sent(upstream).bytes],
          ],
          cut,
        );
        expectPassed(both, 'upstream', upstream, NONE);
      }),
    );
  });
});

describe('hostile bytes', () => {
  /** Frames that are nearly right: noise alone seldom gets past the first byte. */
  const nearly = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
    fc
      .record({ fin: fc.boolean(), rsv: fc.constantFrom(0, 0, 0, 1), opcode: fc.nat(10), payload, mask })
      .map(frame),
    fc.record({ fin: fc.boolean(), opcode: fc.nat(10), payload }).map(frame),
    fc
      .tuple(fc.nat(10), payload, fc.constantFrom(0, 0, 1))
      .map(([type, body, flags]) => control(type, body, flags)),
    fc.tuple(fc.nat(7), payload, fc.nat(2)).map(([id, body, flags]) => data(id, body, flags)),
    fc.tuple(fc.nat(7), payload).map(([id, block]) => synStream(id, block)),
    fc
      .constantFrom('error', 'stdin', 'stdout')
      .map(type => synStream(1, new HeaderDeflater().block([['streamtype', type]]))),
  );
  const script: fc.Arbitrary<Script> = fc.array(
    fc.tuple(fc.constantFrom<Side>('client', 'upstream'), nearly),
    { maxLength: 12 },
  );

  test('never throw, hold no more than the bound, and mean the same however they are cut', () => {
    fc.assert(
      fc.property(protocol, script, randomCut, (spoken, parts, cut) => {
        const atOnce = replay(spoken, TTY, parts, whole);
        for (const side of ['client', 'upstream'] as const) {
          const given = Buffer.concat(parts.filter(([from]) => from === side).map(([, bytes]) => bytes));
          expect(given.toString('hex').startsWith(atOnce.accepted[side])).toBe(true);
          const held = given.length - atOnce.accepted[side].length / 2;
          if (atOnce.violation?.side !== side) expect(held).toBeLessThan(MAX_HELD_BYTES);
        }
        expect(outcomeOf(replay(spoken, TTY, parts, cut))).toEqual(outcomeOf(atOnce));
        expect([...atOnce.codec.ending({ statusJson: '{}', text: 'm' })].length).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 1500 },
    );
  });
});
