import { describe, expect, test } from 'vitest';
import type { SessionProtocol, SpdySubprotocol, StreamName } from '../../../src/kube/remotecommand.ts';
import { createCodec } from '../../../src/wire/create-codec.ts';
import { ALL, atClient, byteByByte, FAILURE, replay, type Script, TTY, whole } from './replay.ts';
import { data, HeaderDeflater, headers, inflateAll, opening, rst, synReply } from './spdy-encoder.ts';

const FIN = 1;
const V4: SessionProtocol = { transport: 'spdy', subprotocol: 'v4.channel.k8s.io' };
const KUBECTL = opening(['error', 'stdin', 'stdout', 'stderr']);
const STATUS = `data 1 ${FAILURE.statusJson}`;

/** A plain reading of whole SPDY frames (SPDY/3.1 draft section 2.2): what a client sees. */
function frames(bytes: Buffer): string[] {
  const seen: string[] = [];
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUIntBE(at + 5, 3);
    const payload = bytes.subarray(at + 8, at + 8 + length);
    if (payload.length < length) throw new Error('a frame is cut');
    const flags = bytes[at + 4] === FIN ? ' fin' : '';
    if ((bytes[at] ?? 0) < 0x80) seen.push(`data ${bytes.readUInt32BE(at)} ${payload}${flags}`);
    else {
      const type = bytes.readUInt16BE(at + 2);
      const numbers = [...payload.subarray(0, 8)].length === 8 ? payload.readUInt32BE(4) : '';
      if (type === 2 || type === 8) {
        blocks.push(payload.subarray(4));
        seen.push(`${type === 2 ? 'reply' : 'headers'} ${payload.readUInt32BE(0)}`);
      } else
        seen.push(
          `${type === 3 ? 'rst' : type === 7 ? 'goaway' : type} ${payload.readUInt32BE(0)} ${numbers}`,
        );
    }
    at += 8 + length;
  }
  // Every block must go on where the zlib stream stands, and be a list of no headers.
  for (const block of inflateAll(blocks)) expect(block.toString('hex')).toBe('00000000');
  for (const block of blocks) expect(block.subarray(-4).toString('hex')).toBe('0000ffff');
  return seen;
}

function replies(...ids: number[]): Buffer {
  const deflater = new HeaderDeflater();
  return Buffer.concat(ids.map(id => synReply(id, deflater.block([]))));
}

function repliesNamed(...ids: number[]): string[] {
  return ids.map(id => `reply ${id}`);
}

function resets(...ids: number[]): string[] {
  return ids.map(id => `rst ${id} 5`);
}

const RST_ALL = resets(1, 3, 5, 7);
const END = [...RST_ALL, 'goaway 7 0'];

describe('the ending over SPDY', () => {
  test.each<[string, Script, string[]]>([
    ['before any stream', [], ['goaway 0 0']],
    ['before the error stream', [['client', opening(['stdin'])]], [...resets(1), 'goaway 1 0']],
    ['with no answer yet', [['client', KUBECTL]], ['reply 1', STATUS, ...END]],
    ['with the first stream waiting', [['client', opening(['error'])]], [...resets(1), 'goaway 1 0']],
    [
      'with the second stream waiting',
      [
        ['client', opening(['error', 'stdin'])],
        ['upstream', replies(1)],
      ],
      ['reply 1', STATUS, ...resets(1, 3), 'goaway 3 0'],
    ],
    [
      'with the error stream not answered',
      [
        ['client', KUBECTL],
        ['upstream', replies(3, 5)],
      ],
      [...repliesNamed(3, 5), 'reply 1', STATUS, ...END],
    ],
    [
      'with a HEADERS frame only',
      [
        ['client', KUBECTL],
        ['upstream', headers(5, new HeaderDeflater().block([]))],
      ],
      ['headers 5', 'reply 1', STATUS, ...END],
    ],
    [
      'with all answered',
      [
        ['client', KUBECTL],
        ['upstream', replies(1, 3, 5, 7)],
      ],
      [...repliesNamed(1, 3, 5, 7), STATUS, ...END],
    ],
    [
      'in stdout',
      [
        ['client', KUBECTL],
        ['upstream', Buffer.concat([replies(1), data(5, 'hello').subarray(0, -3)])],
      ],
      ['reply 1', 'data 5 he\0\0\0', STATUS, ...END],
    ],
    [
      'in a head',
      [
        ['client', KUBECTL],
        ['upstream', Buffer.concat([replies(1), data(5, 'hello').subarray(0, 7)])],
      ],
      ['reply 1', STATUS, ...END],
    ],
    [
      'in a status',
      [
        ['client', KUBECTL],
        ['upstream', Buffer.concat([replies(1), data(1, '{  }').subarray(0, -3)])],
      ],
      ['reply 1', 'data 1 {   ', ...END],
    ],
    [
      'after the status',
      [
        ['client', KUBECTL],
        ['upstream', Buffer.concat([replies(1), data(1, '{}'), data(5, '', FIN)])],
      ],
      ['reply 1', 'data 1 {}', 'data 5  fin', ...END],
    ],
    [
      'with streams gone by FIN or RST',
      [
        ['client', Buffer.concat([KUBECTL, data(3, '', FIN), data(5, '', FIN), rst(7)])],
        ['upstream', Buffer.concat([replies(1), data(5, '', FIN), rst(3)])],
      ],
      ['reply 1', 'data 5  fin', 'rst 3 5', STATUS, ...resets(1), 'goaway 7 0'],
    ],
    [
      'with the error stream ended by upstream',
      [
        ['client', KUBECTL],
        ['upstream', Buffer.concat([replies(1), data(1, '', FIN)])],
      ],
      ['reply 1', 'data 1  fin', ...END],
    ],
    [
      'with the error stream reset',
      [['client', Buffer.concat([KUBECTL, rst(1)])]],
      [...resets(3, 5, 7), 'goaway 7 0'],
    ],
    [
      'after a violation of the client',
      [
        ['client', Buffer.concat([KUBECTL, data(5, 'x')])],
        ['upstream', replies(1)],
      ],
      ['reply 1', STATUS, ...END],
    ],
  ])('%s', (_name, script, expected) => {
    const atOnce = atClient(replay(V4, ALL, script, whole));
    expect(frames(atOnce)).toEqual(expected);
    expect(atClient(replay(V4, ALL, script, byteByByte))).toEqual(atOnce);
  });

  test.each<[SpdySubprotocol, StreamName[]]>([
    ['v3.channel.k8s.io', ['error', 'stdin', 'stdout', 'resize']],
    ['v2.channel.k8s.io', ['error', 'stdin', 'stdout']],
    ['channel.k8s.io', ['error', 'stdin', 'stdout']],
  ])('%s gets the text', (subprotocol, types) => {
    const script: Script = [['client', opening(types)]];
    const bytes = atClient(replay({ transport: 'spdy', subprotocol }, TTY, script, whole));
    expect(frames(bytes).slice(0, 2)).toEqual(['reply 1', 'data 1 m']);
  });

  test('inside push, from before the chunk: whoever stops the session there does not forward it', () => {
    const endings: Buffer[] = [];
    const codec = createCodec(V4, {
      asked: ALL,
      clientSink: { payload: () => {} },
      upstreamSink: {
        payload: (stream: StreamName) => {
          if (stream === 'stderr') endings.push(...codec.ending(FAILURE));
        },
      },
    });
    codec.fromClient.push(KUBECTL);
    const first = data(5, 'hi!').subarray(0, -1);
    codec.fromUpstream.push(first);
    codec.fromUpstream.push(Buffer.concat([Buffer.from('!'), replies(1), data(1, STATUS), data(7, 'x')]));
    expect(frames(Buffer.concat([first, ...endings]))).toEqual(['data 5 hi\0', 'reply 1', STATUS, ...END]);
    expect(codec.upstreamStatusSeen).toBe(true);
  });
});
