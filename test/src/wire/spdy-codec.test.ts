import { describe, expect, test } from 'vitest';
import type { AskedStreams, SessionProtocol, SpdySubprotocol } from '../../../src/kube/remotecommand.ts';
import { ALL, bytesOf, type Outcome, read, replay, type Script, type Side, TTY, whole } from './replay.ts';
import {
  control,
  data,
  goAway,
  HeaderDeflater,
  headers,
  opening,
  ping,
  rst,
  synReply,
  synStream,
  uint32,
} from './spdy-encoder.ts';

const FIN = 1;
const V4: SessionProtocol = { transport: 'spdy', subprotocol: 'v4.channel.k8s.io' };
const KUBECTL = opening(['error', 'stdin', 'stdout', 'stderr']);
const KUBECTL_TTY = opening(['error', 'stdin', 'stdout', 'resize']);
const STATUS = '{"metadata":{},"status":"Success"}';

function replies(...ids: number[]): Buffer {
  const deflater = new HeaderDeflater();
  return Buffer.concat(ids.map(id => synReply(id, deflater.block([]))));
}

function passesWhole(outcome: Outcome, script: Script): void {
  const sent = (side: Side): string =>
    Buffer.concat(script.filter(([from]) => from === side).map(([, bytes]) => bytes)).toString('hex');
  expect(outcome.violation).toBeUndefined();
  expect(outcome.accepted).toEqual({ client: sent('client'), upstream: sent('upstream') });
}

function text(hex: string | undefined): string {
  return Buffer.from(hex ?? '', 'hex').toString('utf8');
}

describe('accepted', () => {
  test('a whole exec, ended as containerd ends it', () => {
    const script: Script = [
      ['client', KUBECTL],
      ['upstream', replies(1, 5, 3, 7)],
      ['client', Buffer.concat([data(3, 'id\n'), data(3, '', FIN), ping(1)])],
      ['upstream', Buffer.concat([ping(1), data(5, 'uid=0\n'), data(7, 'warn')])],
      ['upstream', Buffer.concat([data(5, '', FIN), data(7, 'ing', FIN), data(1, STATUS)])],
      ['upstream', Buffer.concat([rst(1), rst(3), goAway(7)])],
      ['client', goAway(0)],
    ];
    const outcome = read(V4, ALL, script);
    passesWhole(outcome, script);
    expect(outcome.heard.stdin).toBeUndefined();
    expect([text(outcome.heard.stdout), text(outcome.heard.stderr), text(outcome.heard.error)]).toEqual([
      'uid=0\n',
      'warning',
      STATUS,
    ]);
    expect(replay(V4, ALL, script, whole).codec.upstreamStatusSeen).toBe(true);
  });

  test.each([
    ['in the order of kubectl', ['error', 'stdin', 'stdout', 'resize']],
    ['in reverse order', ['resize', 'stdout', 'stdin', 'error']],
  ])('roles come from headers, %s (B037)', (_name, types) => {
    const deflater = new HeaderDeflater();
    const upstream = new HeaderDeflater();
    const id = (type: string): number => 2 * types.indexOf(type) + 1;
    const opened = types.map(type => {
      const syn = synStream(id(type), deflater.block([['streamtype', type]]));
      const first = type === 'resize' ? data(id(type), '{"Width":80,"Height":24}') : Buffer.alloc(0);
      const extra =
        id(type) === 3 ? headers(3, deflater.block([['x-ignored', 'streamtype']])) : Buffer.alloc(0);
      return Buffer.concat([syn, first, extra]);
    });
    const script: Script = [
      ['client', Buffer.concat(opened)],
      [
        'upstream',
        Buffer.concat([
          synReply(id('stdout'), upstream.block([])),
          data(id('stdout'), 'prompt'),
          headers(id('error'), upstream.block([['a', 'b']])),
          synReply(id('error'), upstream.block([])),
        ]),
      ],
      ['client', data(id('stdin'), '{"Width":9,"Height":9}')],
    ];
    const outcome = read(V4, TTY, script);
    passesWhole(outcome, script);
    expect(text(outcome.heard.resize)).toBe('{"Width":80,"Height":24}');
    expect(text(outcome.heard.stdout)).toBe('prompt');
  });

  test('control frames pass untouched, a reset ends one stream only (B038)', () => {
    const bytes = Buffer.concat([
      bytesOf('80 03 00 06 00 00 00 04 00 00 00 01'),
      control(4, Buffer.concat([uint32(1), bytesOf('00 000004 00000064')]), 1),
      control(4, uint32(0)),
      control(9, Buffer.concat([uint32(0), uint32(65_536)])),
      bytesOf('80 03 00 03 00 00 00 08 00 00 00 03 00 00 00 05'),
      goAway(0),
    ]);
    const script: Script = [
      ['client', Buffer.concat([KUBECTL, bytes, data(3, 'late')])],
      ['upstream', Buffer.concat([replies(1, 3, 5, 7), bytes, data(5, 'after')])],
    ];
    const outcome = read(V4, ALL, script);
    passesWhole(outcome, script);
    expect(text(outcome.heard.stdout)).toBe('after');
  });

  test('output on a reset stream is still heard', () => {
    const script: Script = [
      ['client', Buffer.concat([KUBECTL, rst(5)])],
      ['upstream', Buffer.concat([replies(5), rst(5), data(5, 'late')])],
    ];
    expect(read(V4, ALL, script).heard).toEqual({ stdout: Buffer.from('late').toString('hex') });
  });

  test('sizes cut in the middle of a frame (B040)', () => {
    const script: Script = [
      ['client', Buffer.concat([KUBECTL_TTY, data(7, '{"Width":80,'), data(7, '"Height":24}\n{"wid')])],
    ];
    const outcome = read(V4, TTY, script);
    passesWhole(outcome, script);
    expect(text(outcome.heard.resize)).toBe('{"Width":80,"Height":24}\n{"wid');
  });

  test.each<[SpdySubprotocol, boolean]>([
    ['v4.channel.k8s.io', true],
    ['v3.channel.k8s.io', true],
    ['v2.channel.k8s.io', false],
    ['channel.k8s.io', false],
  ])('%s has a resize stream: %s', (subprotocol, resizes) => {
    const outcome = read({ transport: 'spdy', subprotocol }, TTY, [['client', KUBECTL_TTY]]);
    expect(outcome.violation?.code).toBe(resizes ? undefined : 'SPDY_STREAM_TYPE');
  });

  test('a data frame of 16 MiB less one passes in the pushed pieces', () => {
    const bytes = Buffer.concat([uint32(3), uint32(0xffffff)]);
    const { codec } = replay(V4, ALL, [['client', KUBECTL]], whole);
    expect(codec.fromClient.push(bytes).accepted).toEqual([bytes]);
    const chunk = Buffer.alloc(65_536);
    for (let left = 0xffffff; left > 0; left -= chunk.length) {
      expect(codec.fromClient.push(chunk.subarray(0, left)).accepted[0]?.buffer).toBe(chunk.buffer);
    }
    expect(codec.fromClient.push(ping(1)).accepted).toEqual([ping(1)]);
  });
});

describe('refused', () => {
  const inBlock = (...pairs: [string, string][]): Buffer => synStream(1, new HeaderDeflater().block(pairs));
  const opened = new HeaderDeflater();
  const first = synStream(1, opened.block([['streamtype', 'error']]));
  const next = (type: string): Buffer => opened.block([['streamtype', type]]);
  const wrongSecond = (type: string): Buffer => {
    const deflater = new HeaderDeflater();
    deflater.block([['streamtype', 'error']]);
    return synStream(3, deflater.block([['streamtype', type]]));
  };
  const block = next('stdin');

  const fresh: [string, Buffer, string][] = [
    ['version 2', bytesOf('8002 0006 00 000004 00000001'), 'SPDY_VERSION'],
    ['type 0x00ff', bytesOf('8003 00ff 00 000000'), 'SPDY_FRAME_TYPE'],
    ['CREDENTIAL', bytesOf('8003 000a 00 000000'), 'SPDY_FRAME_TYPE'],
    ['SYN_REPLY', synReply(1, block), 'SPDY_FRAME_TYPE'],
    ['a PING with flags', ping(1, 1), 'SPDY_FLAGS'],
    ['a PING of 8 bytes', control(6, Buffer.alloc(8, 1)), 'SPDY_FRAME_LENGTH'],
    ['a PING with id 0', ping(0), 'SPDY_STREAM_ID'],
    ['a GOAWAY of 4 bytes', control(7, uint32(1)), 'SPDY_FRAME_LENGTH'],
    ['a RST_STREAM of 12 bytes', control(3, Buffer.alloc(12)), 'SPDY_FRAME_LENGTH'],
    ['a WINDOW_UPDATE of 16 MiB', bytesOf('8003 0009 00 ffffff'), 'SPDY_FRAME_LENGTH'],
    ['SETTINGS that count 2^31', control(4, uint32(2 ** 31)), 'SPDY_FRAME_LENGTH'],
    ['SETTINGS with half an entry', control(4, Buffer.concat([uint32(1), uint32(1)])), 'SPDY_FRAME_LENGTH'],
    ['SETTINGS of 16 MiB', bytesOf('8003 0004 00 ffffff'), 'SPDY_FRAME_LENGTH'],
    ['a stream with FIN', control(1, Buffer.alloc(10), 1), 'SPDY_FLAGS'],
    ['a unidirectional stream', control(1, Buffer.alloc(10), 2), 'SPDY_FLAGS'],
    ['a stream of 9 bytes', control(1, Buffer.alloc(9)), 'SPDY_FRAME_LENGTH'],
    ['a stream with a block over 16 KiB', bytesOf('8003 0001 00 00400b'), 'SPDY_HEADER_LIMIT'],
    ['a stream with an even id', synStream(2, block), 'SPDY_STREAM_ID'],
    ['a stream with id 0', synStream(0, block), 'SPDY_STREAM_ID'],
    ['a stream with an id above 2^31-1', synStream(2 ** 31 + 1, block), 'SPDY_STREAM_ID'],
    ['an associated stream', synStream(1, block, 3), 'SPDY_STREAM_ID'],
    ['a bomb', synStream(1, new HeaderDeflater().raw(Buffer.alloc(3_000_000))), 'SPDY_HEADER_LIMIT'],
    ['no streamtype', inBlock(), 'SPDY_HEADER_BLOCK'],
    ['another header', inBlock(['streamtype', 'error'], ['port', '1']), 'SPDY_HEADER_BLOCK'],
    ['a capital', inBlock(['streamType', 'error']), 'SPDY_HEADER_BLOCK'],
    ['streamtype with NUL', inBlock(['streamtype', 'stdout\0stdin']), 'SPDY_STREAM_TYPE'],
    ['an unknown streamtype', inBlock(['streamtype', 'data']), 'SPDY_STREAM_TYPE'],
    ['a streamtype in capitals', inBlock(['streamtype', 'STDIN']), 'SPDY_STREAM_TYPE'],
    ['resize without a terminal', inBlock(['streamtype', 'resize']), 'SPDY_STREAM_TYPE'],
    ['data on stream 0', data(0, 'a'), 'SPDY_STREAM_STATE'],
    ['data on a stream not open', data(1, ''), 'SPDY_STREAM_STATE'],
    ['RST_STREAM of a stream not open', rst(1), 'SPDY_STREAM_ID'],
    ['HEADERS on a stream not open', headers(1, block), 'SPDY_STREAM_ID'],
  ];
  test.each(fresh)('%s from a client', (_name, bytes, code) => {
    const script: Script = [
      ['client', Buffer.concat([ping(1), bytes, ping(3)])],
      ['client', ping(5)],
    ];
    const outcome = read(V4, ALL, script);
    expect(outcome.violation).toEqual({ side: 'client', code, offset: 12 });
    expect(outcome.accepted.client).toBe(ping(1).toString('hex'));
  });

  const later: [string, Side, AskedStreams, Buffer, Buffer, string][] = [
    ['a second error stream', 'client', ALL, first, wrongSecond('error'), 'SPDY_STREAM_TYPE'],
    ['an id that goes back', 'client', ALL, first, synStream(1, block), 'SPDY_STREAM_ID'],
    ['a sixth stream', 'client', ALL, KUBECTL, synStream(9, block), 'SPDY_STREAM_TYPE'],
    ['HEADERS after the last stream', 'client', ALL, KUBECTL, headers(3, block), 'SPDY_HEADER_BLOCK'],
    ['client output', 'client', ALL, KUBECTL, data(5, 'a'), 'SPDY_STREAM_STATE'],
    ['a client status', 'client', ALL, KUBECTL, data(1, 'a'), 'SPDY_STREAM_STATE'],
    ['flags on data', 'client', ALL, KUBECTL, data(3, 'a', 2), 'SPDY_FLAGS'],
    [
      'data after FIN',
      'client',
      ALL,
      Buffer.concat([KUBECTL, data(3, '', FIN)]),
      data(3, ''),
      'SPDY_STREAM_STATE',
    ],
    [
      'HEADERS after FIN',
      'client',
      ALL,
      Buffer.concat([first, data(1, '', FIN)]),
      headers(1, block),
      'SPDY_STREAM_STATE',
    ],
    [
      'a stream not asked for',
      'client',
      { ...ALL, stdin: false },
      first,
      wrongSecond('stdin'),
      'SPDY_STREAM_TYPE',
    ],
    ['a stream of upstream', 'upstream', ALL, KUBECTL, synStream(2, block), 'SPDY_FRAME_TYPE'],
    ['an answer to no stream', 'upstream', ALL, KUBECTL, synReply(9, block), 'SPDY_STREAM_ID'],
    ['a second answer', 'upstream', ALL, KUBECTL, Buffer.concat([synReply(1, block)]), 'SPDY_STREAM_STATE'],
    ['an answer over 16 KiB', 'upstream', ALL, KUBECTL, bytesOf('8003 0002 00 004005'), 'SPDY_HEADER_LIMIT'],
    ['upstream stdin', 'upstream', ALL, KUBECTL, data(3, 'a'), 'SPDY_STREAM_STATE'],
    ['upstream data on no stream', 'upstream', ALL, KUBECTL, data(9, 'a'), 'SPDY_STREAM_STATE'],
  ];
  test.each(later)('%s', (_name, side, asked, before, bytes, code) => {
    const answered = side === 'upstream' ? replies(1) : Buffer.alloc(0);
    const script: Script = [
      ['client', before],
      ['upstream', answered],
      [side, Buffer.concat([bytes, ping(2)])],
    ];
    const outcome = read(V4, asked, script);
    const good = side === 'client' ? before : answered;
    expect(outcome.violation).toEqual({ side, code, offset: good.length });
    expect(outcome.accepted[side]).toBe(good.toString('hex'));
  });

  test('upstream output after its FIN', () => {
    const upstream = Buffer.concat([replies(5), data(5, 'a', FIN)]);
    const script: Script = [
      ['client', KUBECTL],
      ['upstream', Buffer.concat([upstream, data(5, 'b')])],
    ];
    const outcome = read(V4, ALL, script);
    expect(outcome.violation).toEqual({
      side: 'upstream',
      code: 'SPDY_STREAM_STATE',
      offset: upstream.length,
    });
    expect(outcome.heard).toEqual({ stdout: '61' });
  });
});
