import { describe, expect, test } from 'vitest';
import type { StreamName, WebSocketSubprotocol } from '../../../src/kube/remotecommand.ts';
import { createCodec } from '../../../src/wire/create-codec.ts';
import { ALL, atClient, byteByByte, bytesOf, FAILURE, read, replay, type Script, whole } from './replay.ts';
import { base64Message, frame, fromServer, message } from './websocket-encoder.ts';
import { received } from './websocket-receiver.ts';

const CLOSE = 'close 1000';

/** What a client's WebSocket library makes of the upstream bytes and the ending after them. */
function ended(subprotocol: WebSocketSubprotocol, upstream: Buffer): Promise<string[]> {
  const protocol = { transport: 'websocket', subprotocol } as const;
  expect(read(protocol, ALL, [['upstream', upstream]]).violation).toBeUndefined();
  const atOnce = atClient(replay(protocol, ALL, [['upstream', upstream]], whole));
  expect(atClient(replay(protocol, ALL, [['upstream', upstream]], byteByByte))).toEqual(atOnce);
  return received(atOnce);
}

const V5 = 'v5.channel.k8s.io';
const STATUS = `3${FAILURE.statusJson}`;

describe('the ending over WebSocket', () => {
  test.each<[string, WebSocketSubprotocol, Buffer, string[]]>([
    ['at the start', V5, Buffer.alloc(0), [STATUS, CLOSE]],
    ['v4 gets the status', 'v4.channel.k8s.io', Buffer.alloc(0), [STATUS, CLOSE]],
    ['v1 gets the text', 'channel.k8s.io', Buffer.alloc(0), ['3m', CLOSE]],
    ['at a frame border', V5, fromServer(message(1, 'hi')), ['1hi', STATUS, CLOSE]],
    ['in a head', V5, bytesOf('82 7e 01'), [STATUS, CLOSE]],
    ['before the channel byte', V5, bytesOf('82 03'), [STATUS, CLOSE]],
    ['in stdout', V5, bytesOf('82 05 01 68 69'), ['1hi\0\0', STATUS, CLOSE]],
    ['in a status', V5, bytesOf('82 05 03 7b'), ['3{   ', CLOSE]],
    ['at the first byte of a status', V5, bytesOf('82 03 03'), ['3  ', STATUS, CLOSE]],
    ['after the status', V5, fromServer(message(3, '{}')), ['3{}', CLOSE]],
    ['after close', V5, bytesOf('88 02 03 e8'), [CLOSE]],
    ['in a fragment', V5, bytesOf('02 05 01 68 69'), ['1hi\0\0', STATUS, CLOSE]],
    ['between fragments', V5, bytesOf('02 03 01 68 69 89 00'), ['ping', '1hi', STATUS, CLOSE]],
    ['between empty fragments', V5, bytesOf('02 00 00 00'), ['1', STATUS, CLOSE]],
    ['in a last fragment', V5, bytesOf('02 02 01 68 80 02 69'), ['1hi\0', STATUS, CLOSE]],
    [
      'in base64',
      'v4.base64.channel.k8s.io',
      fromServer(base64Message(1, 'hello!'), 1).subarray(0, 6),
      ['1aGVAAAAA', base64Message(3, FAILURE.statusJson).toString(), CLOSE],
    ],
    [
      'in base64 padding',
      'base64.channel.k8s.io',
      fromServer(base64Message(1, 'h'), 1).subarray(0, -1),
      ['1aA==', '3bQ==', CLOSE],
    ],
    [
      'between base64 fragments',
      'base64.channel.k8s.io',
      frame({ opcode: 1, fin: false, payload: Buffer.from('1aGkha') }),
      ['1aGkhaAAA', '3bQ==', CLOSE],
    ],
    [
      'before the digit of a fragmented message',
      'base64.channel.k8s.io',
      frame({ opcode: 1, fin: false, payload: Buffer.alloc(0) }),
      ['1', '3bQ==', CLOSE],
    ],
  ])('%s', async (_name, subprotocol, upstream, expected) => {
    expect(await ended(subprotocol, upstream)).toEqual(expected);
  });

  test('after a violation of upstream, from the last good byte', async () => {
    const upstream = bytesOf('82 03 01 68 69 83 00 82 02 01 41');
    const replayed = replay(
      { transport: 'websocket', subprotocol: V5 },
      ALL,
      [['upstream', upstream]],
      whole,
    );
    expect(replayed.violation?.code).toBe('WS_OPCODE');
    expect(await received(atClient(replayed))).toEqual(['1hi', STATUS, CLOSE]);
  });

  test('in base64 that turned bad', async () => {
    const upstream = fromServer(Buffer.from('1aG!h'), 1);
    const protocol = { transport: 'websocket', subprotocol: 'base64.channel.k8s.io' } as const;
    const replayed = replay(protocol, ALL, [['upstream', upstream]], whole);
    expect(await received(atClient(replayed))).toEqual(['1aGAA', '3bQ==', CLOSE]);
  });

  test('inside push, from before the chunk: whoever stops the session there does not forward it', async () => {
    const endings: Buffer[] = [];
    const codec = createCodec(
      { transport: 'websocket', subprotocol: V5 },
      {
        asked: ALL,
        clientSink: { payload: () => {} },
        upstreamSink: {
          payload: (stream: StreamName) => {
            if (stream === 'stderr') endings.push(...codec.ending(FAILURE));
          },
        },
      },
    );
    const first = bytesOf('82 04 01 68 69');
    codec.fromUpstream.push(first);
    codec.fromUpstream.push(bytesOf('21 82 04 02 68 69'));
    expect(await received(Buffer.concat([first, ...endings]))).toEqual(['1hi\0', STATUS, CLOSE]);
  });

  test('is empty after a close of upstream', () => {
    const script: Script = [['upstream', bytesOf('02 01 01 88 02 03 e8')]];
    const { codec } = replay({ transport: 'websocket', subprotocol: V5 }, ALL, script, whole);
    expect([...codec.ending(FAILURE)]).toEqual([]);
  });

  test('a large frame is filled in pieces of 64 KiB', () => {
    const { codec } = replay(
      { transport: 'websocket', subprotocol: V5 },
      ALL,
      [['upstream', bytesOf('82 7f 0000000000100001 01')]],
      whole,
    );
    const lengths = [...codec.ending(FAILURE)].map(piece => piece.length);
    expect(lengths.slice(0, 16)).toEqual(Array.from({ length: 16 }, () => 65_536));
    expect(lengths).toHaveLength(18);
  });
});
