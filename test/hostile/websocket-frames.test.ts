import { expect, vi } from 'vitest';
import { startV1 } from '../src/recording/fake-recorders.ts';
import { base64Message, frame, fromClient, fromServer, KEY, message } from '../src/wire/websocket-encoder.ts';
import type { Rig } from './rig.ts';
import { startRig } from './rig.ts';
import type { LiveSession, SessionOptions, Setting } from './session.ts';
import { castOf, openSession, outputOf, row } from './session.ts';
import { CATQ, exitStatus, SUCCESS, TTYQ, WEBSOCKET_CLOSE } from './speech.ts';

const WEBSOCKET = { transports: ['websocket'] } as const;

async function live(setting: Setting, options: SessionOptions = {}): Promise<LiveSession & { rig: Rig }> {
  const rig = await startRig();
  return { rig, ...(await openSession(rig, setting, { target: CATQ, ...options })) };
}

/** Upstream ends in order. */
async function finish({ rig, client, upstream }: LiveSession & { rig: Rig }, code = 0): Promise<void> {
  const status = code === 0 ? SUCCESS : exitStatus(code);
  const end = Buffer.concat([fromServer(message(3, status)), WEBSOCKET_CLOSE]);
  upstream.send(end);
  upstream.fin();
  expect(await client.takes(end)).toBe(true);
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded', exitCode: code });
}

row(
  'B025 two resizes in one write give the header its size and one event',
  async setting => {
    const session = await live(setting, { target: TTYQ });
    const { rig, client, upstream } = session;
    const sizes = [25, 24].map(rows => fromClient(message(4, `{"Width":80,"Height":${rows}}\n`)));
    client.send(...sizes);
    expect(await upstream.takes(Buffer.concat(sizes))).toBe(true);
    const prompt = fromServer(message(1, '$ '));
    upstream.send(prompt);
    await client.take(prompt.length);
    await finish(session);
    const { header, events } = castOf(rig.recorder.cast);
    expect(header).toMatchObject({ width: 80, height: 25 });
    expect(events.map(([, ...event]) => event)).toEqual([
      ['r', '80x24'],
      ['o', '$ '],
    ]);
  },
  WEBSOCKET,
);

row(
  'B026 control frames and empty fragments between data hide nothing',
  async setting => {
    const session = await live(setting);
    const { rig, client, upstream } = session;
    const frames = Buffer.from(
      '89008203016869 8a00 020301e6bc 8001a2 02020141 0000 8000'.replaceAll(' ', ''),
      'hex',
    );
    upstream.send(frames);
    expect(await client.takes(frames)).toBe(true);
    await finish(session);
    expect(outputOf(rig.recorder.cast)).toBe('hi漢A');
  },
  WEBSOCKET,
);

row(
  'B028 R11 messages without payload, or without a channel, are nothing and pass',
  async setting => {
    const session = await live(setting);
    const { rig, client, upstream } = session;
    const down = [fromServer([1]), fromServer([2]), fromServer([3]), fromServer([])];
    upstream.send(...down);
    expect(await client.takes(Buffer.concat(down))).toBe(true);
    const up = [fromClient([]), fromClient([], 1), fromClient([0]), fromClient(message(0, 'x'))];
    client.send(...up);
    expect(await upstream.takes(Buffer.concat(up))).toBe(true);
    await finish(session);
    expect(castOf(rig.recorder.cast).events).toEqual([]);
  },
  WEBSOCKET,
);

row(
  'R11 text frames of the Python client pass as they came',
  async setting => {
    const session = await live(setting);
    const text = fromClient(message(0, 'print(1)\n'), 1);
    session.client.send(text);
    expect(await session.upstream.takes(text)).toBe(true);
    await finish(session);
  },
  WEBSOCKET,
);

row(
  'B029 E4 the close signal of v5 closes nothing but stdin',
  async setting => {
    const session = await live(setting);
    const { rig, client, upstream, say } = session;
    const up = Buffer.concat([say.input('data'), say.endInput()]);
    client.send(up);
    expect(await upstream.takes(up)).toBe(true);
    const big = Array.from({ length: 32 }, (_, index) =>
      say.output(Buffer.alloc(32 * 1024, 0x41 + (index % 26))),
    );
    upstream.send(...big);
    expect(await client.takes(Buffer.concat(big))).toBe(true);
    await finish(session);
    expect(outputOf(rig.recorder.cast)).toHaveLength(32 * 32 * 1024);
  },
  WEBSOCKET,
);

row(
  'B032 E5 the last output, the status and the close arrive with the end, 100 times of 100',
  async setting => {
    const rig = await startRig();
    for (let round = 1; round <= 100; round++) {
      const { client, upstream, say } = await openSession(rig, setting);
      const code = round % 2 === 0 ? 137 : 0;
      const end = Buffer.concat([
        say.output('hi'),
        say.status(code === 0 ? SUCCESS : exitStatus(code)),
        say.farewell,
      ]);
      upstream.send(end);
      upstream.fin();
      expect(Buffer.from(await client.rest(), 'latin1').equals(end)).toBe(true);
      expect(await rig.ended(round)).toMatchObject({ outcome: 'recorded', exitCode: code });
      expect(outputOf(rig.recorder.uploads[round - 1]?.body ?? Buffer.alloc(0))).toBe('hi');
    }
  },
);

row(
  'B034 a quarter of an hour of pings, and one of nothing, end no session',
  async setting => {
    // Only a recorder without acks may be silent for so long.
    const recorder = await startV1();
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
      shouldAdvanceTime: true,
    });
    try {
      const rig = await startRig({ recorders: [recorder.address] });
      const session = await openSession(rig, setting);
      const { client, upstream, say } = session;
      const ping = frame({ opcode: 9, mask: KEY, payload: Buffer.alloc(0) });
      const pong = frame({ opcode: 10, payload: Buffer.alloc(0) });
      for (let seconds = 0; seconds < 900; seconds += 5) {
        await vi.advanceTimersByTimeAsync(5_000);
        client.send(ping);
        expect(await upstream.takes(ping)).toBe(true);
        upstream.send(pong);
        expect(await client.takes(pong)).toBe(true);
      }
      await vi.advanceTimersByTimeAsync(900_000);
      const end = Buffer.concat([say.output('hi'), say.status(SUCCESS), say.farewell]);
      upstream.send(end);
      upstream.fin();
      expect(await client.takes(end)).toBe(true);
      expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
      expect(outputOf(recorder.seen.body)).toBe('hi');
    } finally {
      vi.useRealTimers();
    }
  },
  WEBSOCKET,
);

const FRAGMENT = frame({ fin: false, opcode: 2, mask: KEY, payload: message(0, 'he') });

/** The public case lets the fail mode decide; here a fault that the caller can cause ends the session under both. */
const VIOLATIONS: readonly (readonly [row: string, what: string, code: string, bytes: Buffer])[] = [
  ['R10 B035', 'a fragmented message', 'WS_FRAGMENTED', FRAGMENT],
  [
    'R10',
    'a message cut into ends',
    'WS_FRAGMENTED',
    frame({ fin: false, opcode: 2, mask: KEY, payload: Buffer.alloc(0) }),
  ],
  [
    'R11 B035',
    'reserved bits',
    'WS_RESERVED_BITS',
    frame({ rsv: 4, opcode: 2, mask: KEY, payload: message(0, 'x') }),
  ],
  ['R11 B035', 'an unknown opcode', 'WS_OPCODE', frame({ opcode: 3, mask: KEY, payload: message(0, 'x') })],
  ['R11', 'a channel of the other side', 'WS_CHANNEL', fromClient(message(1, 'x'))],
  ['R11', 'a channel that does not exist', 'WS_CHANNEL', fromClient(message(9, 'x'))],
  ['R11 B035', 'a close signal of three bytes', 'WS_CLOSE_SIGNAL', fromClient([255, 0, 0])],
  ['B035', 'no mask', 'WS_MASK', fromServer(message(0, 'x'))],
  [
    'B035',
    'a ping of 126 bytes',
    'WS_CONTROL_FRAME',
    frame({ opcode: 9, mask: KEY, payload: Buffer.alloc(126) }),
  ],
  [
    'B035',
    'a continuation of nothing',
    'WS_CONTINUATION',
    frame({ opcode: 0, mask: KEY, payload: Buffer.from('x') }),
  ],
  ['B031', 'a length of 2^40', 'WS_FRAME_TOO_LARGE', Buffer.from('82ff0000010000000000112233441133', 'hex')],
];

for (const [id, what, code, bytes] of VIOLATIONS) {
  row(
    `${id} a caller's violation ends the session visibly: ${what}`,
    async setting => {
      const { rig, client, upstream, say } = await live(setting);
      const good = say.input('good');
      client.send(good, bytes, say.input('never'));
      const rest = await client.rest();
      expect(rest).toContain(`[${code}]`);
      expect(rest).toContain('"status":"Failure"');
      expect(rest.endsWith(WEBSOCKET_CLOSE.toString('latin1'))).toBe(true);
      const ended = await rig.ended();
      expect(ended).toMatchObject({ outcome: 'terminated', cause: { code: 'KW_PROTOCOL_VIOLATION' } });
      expect(rest).toContain(ended.sessionId);
      expect(Buffer.from(await upstream.rest(), 'latin1').equals(good)).toBe(true);
      expect(rig.audit.filter(({ type }) => type === 'caller.violated')).toMatchObject([{ code }]);
      expect(rig.audit.filter(({ type }) => type === 'recording.failed')).toEqual([]);
    },
    WEBSOCKET,
  );
}

const UPSTREAM_VIOLATIONS: readonly (readonly [row: string, what: string, code: string, bytes: Buffer])[] = [
  ['B035', 'a mask', 'WS_MASK', fromClient(message(1, 'x'))],
  [
    'B035',
    'a message inside an unfinished one',
    'WS_CONTINUATION',
    Buffer.concat([
      frame({ fin: false, opcode: 2, payload: message(1, 'AB') }),
      fromServer(message(1, 'CD')),
    ]),
  ],
  ['B031', 'a length of 2^40', 'WS_FRAME_TOO_LARGE', Buffer.from('827f000001000000000001', 'hex')],
  [
    'B031',
    'a message of endless fragments',
    'WS_FRAGMENT_LIMIT',
    Buffer.concat([
      frame({ fin: false, opcode: 2, payload: message(1, 'A') }),
      ...Array.from({ length: 5_000 }, () => Buffer.from('0000', 'hex')),
    ]),
  ],
];

for (const [id, what, code, bytes] of UPSTREAM_VIOLATIONS) {
  row(
    `${id} an upstream's violation ends the session visibly, and is not the caller's: ${what}`,
    async setting => {
      const { rig, client, upstream, say } = await live(setting);
      upstream.send(say.output('good'), bytes);
      const rest = await client.rest();
      expect(rest).toContain('good');
      expect(rest).toContain(`[${code}]`);
      expect(rest.endsWith(WEBSOCKET_CLOSE.toString('latin1'))).toBe(true);
      expect(await rig.ended()).toMatchObject({
        outcome: 'terminated',
        cause: { code: 'KW_UPSTREAM_PROTOCOL' },
      });
      expect(rig.audit.map(({ type }) => type)).not.toContain('caller.violated');
      expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
      await upstream.left;
    },
    WEBSOCKET,
  );
}

row(
  'R09 R13 base64 is read as what it says, at any cut',
  async setting => {
    const rig = await startRig();
    const session = await openSession(rig, setting, {
      protocols: ['Sec-WebSocket-Protocol: base64.channel.k8s.io'],
      subprotocol: 'base64.channel.k8s.io',
      withAnswer: Buffer.alloc(0),
    });
    const out = fromServer(base64Message(1, 'hi 漢'), 1);
    for (const byte of out) session.upstream.send(Buffer.of(byte));
    expect(await session.client.takes(out)).toBe(true);
    session.upstream.send(WEBSOCKET_CLOSE);
    session.upstream.fin();
    await rig.ended();
    expect(outputOf(rig.recorder.cast)).toBe('hi 漢');
  },
  WEBSOCKET,
);
