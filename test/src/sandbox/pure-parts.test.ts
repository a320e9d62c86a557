import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { chooseSubprotocol, decodeMessage, encodeMessage } from '../../../src/sandbox/channel-message.ts';
import { endingText } from '../../../src/sandbox/exit-status.ts';
import { LogRing } from '../../../src/sandbox/log-ring.ts';
import { SPDY_DICTIONARY } from '../../../src/sandbox/spdy-dictionary.ts';
import { HeaderReader, HeaderWriter } from '../../../src/sandbox/spdy-headers.ts';
import { TerminalSizes } from '../../../src/sandbox/terminal-sizes.ts';

describe('subprotocol choice', () => {
  test.each([
    ['v5.channel.k8s.io', 'v5.channel.k8s.io'],
    ['v4.channel.k8s.io, v5.channel.k8s.io', 'v5.channel.k8s.io'],
    ['v3.channel.k8s.io,v4.channel.k8s.io,channel.k8s.io', 'v4.channel.k8s.io'],
    ['base64.channel.k8s.io, v4.channel.k8s.io', 'base64.channel.k8s.io'],
    ['v4.base64.channel.k8s.io', 'v4.base64.channel.k8s.io'],
    ['v3.channel.k8s.io', undefined],
    ['V4.channel.k8s.io', undefined],
    ['', undefined],
  ])('of the line "%s" the server takes %s', (line, expected) => {
    expect(chooseSubprotocol(line)).toBe(expected);
  });
});

describe('channel messages', () => {
  test.each([
    ['binary', false, Buffer.from([1, 0x68, 0x69])],
    ['base64', true, Buffer.from('1aGk=', 'latin1')],
  ])('%s form of "hi" on channel 1', (_, base64, wire) => {
    expect(encodeMessage(1, Buffer.from('hi'), base64)).toEqual(wire);
    expect(decodeMessage(wire, base64)).toEqual({ channel: 1, payload: Buffer.from('hi') });
  });

  test('an empty message means nothing', () => {
    expect(decodeMessage(Buffer.alloc(0), false)).toBeUndefined();
  });
});

describe('ending of a session', () => {
  test.each([
    ['success', { kind: 'success' }, '{"metadata":{},"status":"Success"}', ''],
    ['exit 0', { kind: 'exited', code: 0 }, '{"metadata":{},"status":"Success"}', ''],
  ] as const)('%s', (_, ending, asStatus, asText) => {
    expect(endingText(ending, true)).toBe(asStatus);
    expect(endingText(ending, false)).toBe(asText);
  });

  test('the exit code is a decimal string in a cause', () => {
    expect(JSON.parse(endingText({ kind: 'exited', code: 137 }, true))).toEqual({
      metadata: {},
      status: 'Failure',
      message: expect.stringMatching(/^command terminated with non-zero exit code: /),
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '137' }] },
    });
  });

  test('what could not run is an internal error', () => {
    expect(JSON.parse(endingText({ kind: 'failed', message: 'm' }, true))).toMatchObject({
      status: 'Failure',
      reason: 'InternalError',
      code: 500,
      message: 'Internal error occurred: m',
    });
    expect(endingText({ kind: 'failed', message: 'm' }, false)).toBe('Internal error occurred: m');
  });
});

describe('terminal sizes', () => {
  test.each([
    ['whole', ['{"Width":100,"Height":30}\n'], { cols: 100, rows: 30 }],
    ['cut in the middle', ['{"Wid', 'th":100,"Height":3', '0}'], { cols: 100, rows: 30 }],
    [
      'several in one message, the last counts',
      ['{"Width":1,"Height":2}{"Width":3,"Height":4}'],
      { cols: 3, rows: 4 },
    ],
    ['lower case', ['{"width":80,"height":24}'], { cols: 80, rows: 24 }],
    ['zero', ['{"Width":0,"Height":24}'], undefined],
    ['too large', ['{"Width":65536,"Height":24}'], undefined],
    ['no JSON', ['{nonsense}'], undefined],
    ['no JSON, then a size', ['{nonsense}{"Width":3,"Height":4}'], { cols: 3, rows: 4 }],
  ])('%s', (_, pieces, expected) => {
    const sizes = new TerminalSizes();
    for (const piece of pieces) sizes.push(Buffer.from(piece));
    expect(sizes.latest).toEqual(expected);
  });
});

describe('SPDY header compression', () => {
  test('the dictionary is the one of SPDY/3', () => {
    expect(SPDY_DICTIONARY).toHaveLength(1_423);
    expect(createHash('sha256').update(SPDY_DICTIONARY).digest('hex')).toBe(
      '51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02',
    );
  });

  test('blocks of one direction are one stream', () => {
    const reader = new HeaderReader();
    const blocks = [
      ['78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff', 'error'],
      ['c22e555c92929907000000ffff', 'stdin'],
      ['c22ac5565c92925f5a02000000ffff', 'stdout'],
      ['c229975a5404000000ffff', 'stderr'],
    ] as const;
    for (const [hex, type] of blocks) {
      expect(reader.read(Buffer.from(hex, 'hex'))).toEqual(new Map([['streamtype', type]]));
    }
  });

  test('what the writer writes a reader reads', () => {
    const writer = new HeaderWriter();
    const reader = new HeaderReader();
    for (const headers of [
      [],
      [['a', 'b']],
      [
        ['c', 'é'],
        ['d', ''],
      ],
    ] as const) {
      expect([...reader.read(writer.write(headers))]).toEqual(headers);
    }
  });

  test.each([
    ['upper-case name', [['StreamType', 'x']]],
    [
      'name given twice',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['too many headers', Array.from({ length: 33 }, (_, index) => [`h${String(index)}`, ''] as const)],
    ['too much text', [['a', 'x'.repeat(70_000)]]],
  ] as const)('refused: %s', (_, headers) => {
    const block = new HeaderWriter().write(headers);
    expect(() => new HeaderReader().read(block)).toThrow(RangeError);
  });

  test('of several values the first is taken', () => {
    const block = new HeaderWriter().write([['streamtype', 'stdout\0stdin']]);
    expect(new HeaderReader().read(block).get('streamtype')).toBe('stdout');
  });
});

describe('container log', () => {
  const textFrom = (ring: LogRing, sequence: number) =>
    Buffer.concat(ring.from(sequence).map(entry => entry.bytes)).toString();

  test('tail counts lines, not reads', () => {
    const ring = new LogRing();
    for (const piece of ['one\ntw', 'o', '\nthr', 'ee']) ring.append(Buffer.from(piece), 0);
    expect(textFrom(ring, ring.tailStart(1))).toBe('three');
    expect(textFrom(ring, ring.tailStart(2))).toBe('two\nthree');
    expect(textFrom(ring, ring.tailStart(0))).toBe('');
    expect(textFrom(ring, ring.tailStart(9))).toBe('one\ntwo\nthree');
  });

  test('the oldest lines go when it is full', () => {
    const ring = new LogRing(8);
    for (const line of ['aaa\n', 'bbb\n', 'ccc\n']) ring.append(Buffer.from(line), 0);
    expect(textFrom(ring, 0)).toBe('bbb\nccc\n');
    expect(textFrom(ring, 2)).toBe('ccc\n');
  });
});
