import { describe, expect, test } from 'vitest';
import type { SessionProtocol, WebSocketSubprotocol } from '../../../src/kube/remotecommand.ts';
import { ALL, byteByByte, bytesOf, type Outcome, read, replay, type Script, TTY, whole } from './replay.ts';
import { base64Message, frame, fromClient, fromServer, message } from './websocket-encoder.ts';

const V5: SessionProtocol = { transport: 'websocket', subprotocol: 'v5.channel.k8s.io' };
const V4: SessionProtocol = { transport: 'websocket', subprotocol: 'v4.channel.k8s.io' };
const B64: SessionProtocol = { transport: 'websocket', subprotocol: 'v4.base64.channel.k8s.io' };

function over(subprotocol: WebSocketSubprotocol, script: Script): Outcome {
  return read({ transport: 'websocket', subprotocol }, TTY, script);
}

function text(hex: string | undefined): string {
  return Buffer.from(hex ?? '', 'hex').toString('utf8');
}

describe('accepted from a client', () => {
  test('two resizes in one write (B025)', () => {
    const resize = `82 9a 11 22 33 44 15 59 11 13 78 46 47 2c 33 18 0b 74 3d 00 7b 21 78 45 5b 30 33 18 01 70 6c 28`;
    const bytes = bytesOf(resize.repeat(2));
    const outcome = read(V5, TTY, [['client', bytes]]);
    expect(outcome.accepted.client).toBe(bytes.toString('hex'));
    expect(text(outcome.heard.resize)).toBe('{"Width":80,"Height":24}\n'.repeat(2));
    expect(outcome.violation).toBeUndefined();
  });

  const inputs: [string, WebSocketSubprotocol, Buffer][] = [
    ['stdin', 'v4.channel.k8s.io', fromClient(message(0, 'ls\n'))],
    ['stdin of 200 bytes', 'v5.channel.k8s.io', fromClient(message(0, 'x'.repeat(200)))],
    ['a text frame', 'v5.channel.k8s.io', fromClient(message(0, 'ls\n'), 1)],
    ['no channel byte', 'v5.channel.k8s.io', fromClient([])],
    ['no channel byte in a text frame', 'base64.channel.k8s.io', fromClient([], 1)],
    ['channel bytes alone', 'channel.k8s.io', Buffer.concat([0, 1, 2, 3, 4].map(at => fromClient([at])))],
    ['a close signal (B029)', 'v5.channel.k8s.io', bytesOf('82 82 11 22 33 44 ee 22')],
    ['base64 that stdin does not decode', 'base64.channel.k8s.io', fromClient(Buffer.from('0!!!'), 1)],
    ['base64 in a binary frame', 'v4.base64.channel.k8s.io', fromClient(base64Message(0, 'hi'), 2)],
    ['ping and pong', 'v5.channel.k8s.io', bytesOf('8980 11223344 8a81 11223344 00')],
    ['close and an answer to a ping', 'v5.channel.k8s.io', bytesOf('8882 11223344 12ca 8a80 11223344')],
    ['an empty close', 'v5.channel.k8s.io', bytesOf('8880 11223344')],
    [
      'a mask of zeros',
      'v4.channel.k8s.io',
      frame({ opcode: 2, mask: Buffer.alloc(4), payload: message(0, 'a') }),
    ],
  ];
  test.each(inputs)('%s', (_name, subprotocol, bytes) => {
    const after = fromClient([]);
    const script = bytesOf('88').equals(bytes.subarray(0, 1)) ? bytes : Buffer.concat([bytes, after]);
    expect(over(subprotocol, [['client', script]])).toEqual({
      accepted: { client: script.toString('hex'), upstream: '' },
      heard: {},
    });
  });

  test('a resize in base64', () => {
    const json = '{"Width":80,"Height":24}';
    const outcome = read(B64, TTY, [['client', fromClient(base64Message(4, json), 1)]]);
    expect(text(outcome.heard.resize)).toBe(json);
  });

  test('a resize without a terminal passes unheard, as servers discard it', () => {
    const outcome = read(V4, ALL, [['client', fromClient(message(4, '{"Width":80,"Height":24}'))]]);
    expect(outcome.heard).toEqual({});
    expect(outcome.violation).toBeUndefined();
  });
});

describe('accepted from upstream', () => {
  test('control frames between fragments, empty continuations (B026)', () => {
    const bytes = bytesOf(`89 00 82 03 01 68 69 8a 00 02 03 01 e6 bc 80 01 a2 02 02 01 41 00 00 80 00`);
    const outcome = read(V5, ALL, [['upstream', bytes]]);
    expect(outcome.accepted.upstream).toBe(bytes.toString('hex'));
    expect(text(outcome.heard.stdout)).toBe('hi漢A');
  });

  test('a control frame inside a message', () => {
    const bytes = bytesOf('02 02 01 41 89 02 01 42 80 01 43');
    expect(read(V4, ALL, [['upstream', bytes]]).heard).toEqual({ stdout: '4143' });
  });

  test('the channel in a later fragment', () => {
    const bytes = bytesOf('02 00 00 00 00 02 02 65 80 01 66 02 00 80 00');
    expect(read(V4, ALL, [['upstream', bytes]])).toEqual({
      accepted: { client: '', upstream: bytes.toString('hex') },
      heard: { stderr: '6566' },
    });
  });

  test('empty messages and channel bytes alone (B028)', () => {
    const bytes = bytesOf('82 01 01 82 01 02 82 01 03 82 01 ff 82 00 82 02 01 61');
    expect(read(V5, ALL, [['upstream', bytes]])).toEqual({
      accepted: { client: '', upstream: bytes.toString('hex') },
      heard: { stdout: '61' },
    });
  });

  test('status, then close (B032)', () => {
    const status = '{"metadata":{},"status":"Success"}';
    const bytes = Buffer.concat([
      fromServer(message(1, 'hi')),
      fromServer(message(3, status)),
      bytesOf('88 02 03 e8 8a 00'),
    ]);
    const outcome = read(V5, ALL, [['upstream', bytes]]);
    expect(outcome.accepted.upstream).toBe(bytes.toString('hex'));
    expect(text(outcome.heard.error)).toBe(status);
    expect(replay(V5, ALL, [['upstream', bytes]], whole).codec.upstreamStatusSeen).toBe(true);
  });

  test('base64 over fragments', () => {
    const bytes = Buffer.concat([
      frame({ opcode: 1, fin: false, payload: Buffer.from('1aG') }),
      frame({ opcode: 0, fin: false, payload: Buffer.from('') }),
      frame({ opcode: 0, fin: true, payload: Buffer.from('khIQ==') }),
      fromServer(base64Message(2, 'err'), 1),
    ]);
    const { heard } = read(B64, ALL, [['upstream', bytes]]);
    expect([text(heard.stdout), text(heard.stderr)]).toEqual(['hi!!', 'err']);
  });

  test('a frame of 70,000 bytes comes as it is pushed', () => {
    const bytes = fromServer(message(1, 'x'.repeat(70_000)));
    for (const cut of [whole, byteByByte]) {
      const { heard, accepted } = replay(V5, ALL, [['upstream', bytes]], cut);
      expect(heard.stdout).toBe('78'.repeat(70_000));
      expect(accepted.upstream).toBe(bytes.toString('hex'));
    }
  });
});

describe('refused', () => {
  const long = Buffer.concat([bytesOf('827f 0000010000000000'), Buffer.alloc(1024)]);
  const cases: [string, 'client' | 'upstream', WebSocketSubprotocol, string | Buffer, string][] = [
    ['RSV1', 'client', 'v5.channel.k8s.io', 'c2 82 11223344 1159', 'WS_RESERVED_BITS'],
    ['RSV2', 'upstream', 'v5.channel.k8s.io', 'a2 02 01 41', 'WS_RESERVED_BITS'],
    ['RSV3', 'upstream', 'v5.channel.k8s.io', '99 00', 'WS_RESERVED_BITS'],
    [
      'the top bit of the length',
      'upstream',
      'v4.channel.k8s.io',
      '827f 8000000000000001 01',
      'WS_RESERVED_BITS',
    ],
    ['opcode 3', 'upstream', 'v4.channel.k8s.io', '83 00', 'WS_OPCODE'],
    ['opcode 11', 'client', 'v4.channel.k8s.io', '8b 80 11223344', 'WS_OPCODE'],
    ['text from a binary server', 'upstream', 'v4.channel.k8s.io', '81 02 01 41', 'WS_OPCODE'],
    ['binary from a base64 server', 'upstream', 'base64.channel.k8s.io', '82 01 31', 'WS_OPCODE'],
    ['a masked server frame', 'upstream', 'v5.channel.k8s.io', fromClient(message(1, 'a')), 'WS_MASK'],
    ['an unmasked client frame', 'client', 'v5.channel.k8s.io', fromServer(message(0, 'a')), 'WS_MASK'],
    ['an unmasked client ping', 'client', 'v5.channel.k8s.io', '89 00', 'WS_MASK'],
    ['a client fragment', 'client', 'v5.channel.k8s.io', '02 82 11223344 11 59', 'WS_FRAGMENTED'],
    ['a client continuation', 'client', 'v5.channel.k8s.io', '80 82 11223344 11 59', 'WS_CONTINUATION'],
    ['a server continuation of nothing', 'upstream', 'v5.channel.k8s.io', '80 01 41', 'WS_CONTINUATION'],
    ['a fragmented ping', 'upstream', 'v5.channel.k8s.io', '09 00', 'WS_CONTROL_FRAME'],
    ['a ping of 126 bytes', 'upstream', 'v5.channel.k8s.io', '89 7e 00 7e', 'WS_CONTROL_FRAME'],
    ['a close of one byte', 'upstream', 'v5.channel.k8s.io', '88 01 03', 'WS_CONTROL_FRAME'],
    ['a frame of 2^40 bytes (B031)', 'upstream', 'v5.channel.k8s.io', long, 'WS_FRAME_TOO_LARGE'],
    [
      'a frame of 32 MiB and one',
      'client',
      'v4.channel.k8s.io',
      '82ff 0000000002000001 11223344',
      'WS_FRAME_TOO_LARGE',
    ],
    ['client stdout', 'client', 'v5.channel.k8s.io', fromClient(message(1, 'a')), 'WS_CHANNEL'],
    ['client channel 5', 'client', 'v5.channel.k8s.io', fromClient([5]), 'WS_CHANNEL'],
    ['a close signal on v4', 'client', 'v4.channel.k8s.io', fromClient([255, 0]), 'WS_CHANNEL'],
    [
      'a letter for a channel',
      'client',
      'base64.channel.k8s.io',
      fromClient(Buffer.from('aaGk='), 1),
      'WS_CHANNEL',
    ],
    ['a byte below the digits', 'client', 'base64.channel.k8s.io', fromClient([0, 0x41], 1), 'WS_CHANNEL'],
    ['server stdin', 'upstream', 'v5.channel.k8s.io', fromServer(message(0, 'a')), 'WS_CHANNEL'],
    ['server resize', 'upstream', 'v5.channel.k8s.io', fromServer(message(4, 'a')), 'WS_CHANNEL'],
    ['a server close signal', 'upstream', 'v5.channel.k8s.io', fromServer([255, 0]), 'WS_CHANNEL'],
    ['a close signal of one byte', 'client', 'v5.channel.k8s.io', fromClient([255]), 'WS_CLOSE_SIGNAL'],
    ['a close signal of three', 'client', 'v5.channel.k8s.io', fromClient([255, 0, 0]), 'WS_CLOSE_SIGNAL'],
    ['a close signal of channel 5', 'client', 'v5.channel.k8s.io', fromClient([255, 5]), 'WS_CLOSE_SIGNAL'],
    [
      'base64 of five characters',
      'upstream',
      'base64.channel.k8s.io',
      fromServer(Buffer.from('1aGkha'), 1),
      'WS_BASE64',
    ],
  ];
  test.each(cases)('%s', (_name, side, subprotocol, input, code) => {
    const bad = typeof input === 'string' ? bytesOf(input) : input;
    const base64 = subprotocol.includes('base64');
    const good =
      side === 'client'
        ? fromClient(Buffer.from([base64 ? 0x30 : 0]))
        : fromServer(base64 ? [0x31] : [1], base64 ? 1 : 2);
    // What follows must not be read: after a violation nothing is accepted.
    const script: Script = [
      [side, Buffer.concat([good, bad, good])],
      [side, good],
    ];
    const outcome = over(subprotocol, script);
    expect(outcome.violation).toEqual({ side, code, offset: good.length });
    expect(outcome.accepted[side]).toBe(good.toString('hex'));
  });

  test('a byte outside base64, after what came before it', () => {
    const bytes = fromServer(Buffer.from('1aGkhaG!raGkh'), 1);
    const outcome = read(B64, ALL, [['upstream', bytes]]);
    expect(outcome.violation).toEqual({ side: 'upstream', code: 'WS_BASE64', offset: 9 });
    expect(outcome.accepted.upstream).toBe(bytes.subarray(0, 9).toString('hex'));
    expect(text(outcome.heard.stdout)).toBe('hi!');
  });

  test('a message inside an unfinished one (B035)', () => {
    const outcome = read(V5, ALL, [['upstream', bytesOf('02 03 01 41 42 82 03 01 43 44')]]);
    expect(outcome.violation).toEqual({ side: 'upstream', code: 'WS_CONTINUATION', offset: 5 });
    expect(outcome.heard).toEqual({ stdout: '4142' });
  });

  test('payload on a channel that a fragment before it named', () => {
    const outcome = read(V5, ALL, [['upstream', bytesOf('02 01 07 80 01 41')]]);
    expect(outcome.violation).toEqual({ side: 'upstream', code: 'WS_CHANNEL', offset: 3 });
  });

  test('data after close', () => {
    const server = read(V5, ALL, [['upstream', bytesOf('88 02 03 e8 82 02 01 41')]]);
    expect(server.violation).toEqual({ side: 'upstream', code: 'WS_AFTER_CLOSE', offset: 4 });
    const client = read(V5, ALL, [
      ['client', Buffer.concat([bytesOf('8880 11223344'), fromClient([0, 65])])],
    ]);
    expect(client.violation).toEqual({ side: 'client', code: 'WS_AFTER_CLOSE', offset: 6 });
  });

  test('endless fragments (B031)', () => {
    const flood = Buffer.concat([bytesOf('02 02 01 41'), Buffer.alloc(2 * 100_000)]);
    const { violation, accepted } = replay(V5, ALL, [['upstream', flood]], whole);
    expect(violation?.code).toBe('WS_FRAGMENT_LIMIT');
    expect(accepted.upstream.length / 2).toBe(4 + 2 * 4095);
  });
});

test('stdin of any size is forwarded in the pushed pieces, as views', () => {
  const bytes = fromClient(message(0, 'x'.repeat(100_000)));
  const { codec } = replay(V5, ALL, [], whole);
  const chunk = bytes.subarray(0, 50_000);
  const { accepted } = codec.fromClient.push(chunk);
  expect(accepted).toEqual([chunk]);
  expect(accepted[0]?.buffer).toBe(chunk.buffer);
});
