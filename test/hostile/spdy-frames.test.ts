import { expect } from 'vitest';
import * as spdy from '../src/wire/spdy-encoder.ts';
import { startRig } from './rig.ts';
import type { LiveSession } from './session.ts';
import { castOf, openSession, outputOf, row } from './session.ts';
import { CATQ, EXECQ, SUCCESS, switching, TTYQ, upgradeRequest } from './speech.ts';

const SPDY = { transports: ['spdy'] } as const;
/** A SPDY session whose streams the test opens itself. */
async function bare(policy: 'open' | 'closed', target: string) {
  const rig = await startRig();
  const client = await rig.client();
  client.send(upgradeRequest('spdy', { target, token: policy }));
  const upstream = await rig.upstream.next();
  await upstream.head();
  upstream.send(switching('spdy'));
  await client.head();
  return { rig, client, upstream };
}

for (const [order, types] of Object.entries({
  'as client-go opens them': ['error', 'stdin', 'stdout', 'stderr'],
  'the other way round': ['stderr', 'stdout', 'stdin', 'error'],
})) {
  row(
    `B037 streams are known by their type and not by their number: ${order}`,
    async ({ policy }) => {
      const { rig, client, upstream } = await bare(policy, CATQ);
      const id = (name: string): number => 2 * types.indexOf(name) + 1;
      const deflater = new spdy.HeaderDeflater();
      const opening = types.map((type, index) =>
        spdy.synStream(2 * index + 1, deflater.block([['streamtype', type]])),
      );
      const up = Buffer.concat([...opening, spdy.data(id('stdin'), 'in')]);
      client.send(up);
      expect(await upstream.takes(up)).toBe(true);
      const answering = new spdy.HeaderDeflater();
      const down = Buffer.concat([
        spdy.synReply(id('error'), answering.block([])),
        spdy.headers(id('stdout'), answering.block([['x', 'y']])),
        ...['stderr', 'stdout', 'stdin'].map(name => spdy.synReply(id(name), answering.block([]))),
        spdy.data(id('stdout'), 'out'),
        spdy.data(id('stderr'), 'err'),
        spdy.data(id('error'), SUCCESS),
        spdy.goAway(7),
      ]);
      upstream.send(down);
      upstream.fin();
      expect(await client.takes(down)).toBe(true);
      expect(await rig.ended()).toMatchObject({ outcome: 'recorded', exitCode: 0 });
      expect(outputOf(rig.recorder.cast)).toBe('outerr');
    },
    SPDY,
  );
}

row(
  'B038 control frames pass byte for byte, and a reset of one stream ends no other',
  async setting => {
    const rig = await startRig();
    const { client, upstream, say } = await openSession(rig, setting, { target: CATQ });
    const windowUpdate = spdy.control(9, Buffer.concat([spdy.uint32(5), spdy.uint32(65_536)]));
    const settings = spdy.control(
      4,
      Buffer.concat([spdy.uint32(1), Buffer.of(0, 0, 0, 4), spdy.uint32(100)]),
    );
    const up = Buffer.concat([
      spdy.ping(1),
      settings,
      windowUpdate,
      spdy.rst(3),
      spdy.ping(3),
      spdy.goAway(0),
    ]);
    client.send(up);
    expect(await upstream.takes(up)).toBe(true);
    const down = Buffer.concat([spdy.ping(1), spdy.ping(3), settings, windowUpdate, say.output('after')]);
    upstream.send(down);
    expect(await client.takes(down)).toBe(true);
    upstream.send(say.status(SUCCESS), say.farewell);
    upstream.fin();
    expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
    expect(outputOf(rig.recorder.cast)).toBe('after');
  },
  SPDY,
);

row(
  'B040 sizes are read at any cut, two in one frame, and in any case',
  async setting => {
    const rig = await startRig({ recordingLimits: { maxResizesPerSecond: 1_000 } });
    const { client, upstream, say } = await openSession(rig, setting, { target: TTYQ });
    const up = Buffer.concat([
      say.resize('{"Width":80,"Hei'),
      say.resize('ght":24}\n'),
      say.resize('{"Width":81,"Height":25}\n{"Width":82,"Height":26}\n'),
      say.resize('{"width":83,"height":27}'),
      say.resize('nonsense'),
    ]);
    client.send(up);
    expect(await upstream.takes(up)).toBe(true);
    upstream.send(say.status(SUCCESS), say.farewell);
    upstream.fin();
    await rig.ended();
    const { header, events } = castOf(rig.recorder.cast);
    expect(header).toMatchObject({ width: 80, height: 24 });
    expect(events.map(([, kind, size]) => `${kind} ${size}`)).toEqual(['r 81x25', 'r 82x26', 'r 83x27']);
  },
  SPDY,
);

row(
  'B041 a session that has ended is torn down, whichever side leaves its connection open',
  async setting => {
    const rig = await startRig();
    const live: LiveSession[] = [];
    for (let count = 0; count < 50; count++) live.push(await openSession(rig, setting));
    await Promise.all(
      live.map(async ({ client, upstream, say }, index) => {
        upstream.send(say.output('x'), say.status(SUCCESS), say.farewell);
        await client.until('Success');
        const [leaver, stayer] = index % 2 === 0 ? [upstream, client] : [client, upstream];
        leaver.fin();
        await stayer.left;
      }),
    );
    await rig.ended(50);
    expect(rig.sessions.liveCount).toBe(0);
    expect(
      new Set(rig.audit.flatMap(event => (event.type === 'session.ended' ? [event.outcome] : []))),
    ).toEqual(new Set(['recorded']));
  },
  SPDY,
);

const types = (...names: string[]): Buffer => spdy.opening(names);
const shifted = (): Buffer => {
  const deflater = new spdy.HeaderDeflater();
  const first = spdy.synStream(1, deflater.block([['streamtype', 'error']]));
  deflater.block([['lost', 'block']]);
  return Buffer.concat([first, spdy.synStream(3, deflater.block([['streamtype', 'stdin']]))]);
};

/** The fault comes behind whatever is valid before it. */
const VIOLATIONS: readonly (readonly [what: string, code: string, bytes: () => Buffer])[] = [
  ['two stdin streams', 'SPDY_STREAM_TYPE', () => types('error', 'stdin', 'stdin')],
  ['two stdout streams', 'SPDY_STREAM_TYPE', () => types('error', 'stdout', 'stdout')],
  ['an unknown type', 'SPDY_STREAM_TYPE', () => types('error', 'shell')],
  ['a stream that was not asked for', 'SPDY_STREAM_TYPE', () => types('error', 'resize')],
  ['two values in one header', 'SPDY_STREAM_TYPE', () => types('error', 'stdout\0stdin')],
  ['a block that was not sent', 'SPDY_HEADER_', shifted],
  ['an unknown control frame', 'SPDY_FRAME_TYPE', () => spdy.control(0xff, Buffer.alloc(4))],
  ['a PING of 2^24-1 bytes', 'SPDY_FRAME_LENGTH', () => Buffer.from('8003000600ffffff00000001', 'hex')],
  [
    'an even stream id',
    'SPDY_STREAM_ID',
    () => spdy.synStream(2, new spdy.HeaderDeflater().block([['streamtype', 'error']])),
  ],
  [
    'data on no stream',
    'SPDY_STREAM_STATE',
    () => Buffer.concat([types('error', 'stdin'), spdy.data(99, 'x')]),
  ],
  [
    'data on an output stream',
    'SPDY_STREAM_STATE',
    () => Buffer.concat([types('error', 'stdout'), spdy.data(3, 'x')]),
  ],
];

for (const [what, code, bytes] of VIOLATIONS) {
  row(
    `R12 a caller's violation ends the session visibly: ${what}`,
    async ({ policy }) => {
      const { rig, client, upstream } = await bare(policy, CATQ);
      client.send(bytes());
      await client.rest();
      expect(await rig.ended()).toMatchObject({
        outcome: 'terminated',
        cause: { code: 'KW_PROTOCOL_VIOLATION' },
      });
      expect(rig.audit.filter(({ type }) => type === 'caller.violated')).toMatchObject([
        { code: expect.stringContaining(code) },
      ]);
      expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
      await upstream.left;
    },
    SPDY,
  );
}

row(
  'R12 a violation behind open streams is told on the error stream',
  async setting => {
    const rig = await startRig();
    const { client, say } = await openSession(rig, setting, { target: CATQ });
    client.send(say.violation);
    const rest = await client.rest();
    expect(rest).toContain('"status":"Failure"');
    expect(rest).toContain('[SPDY_STREAM_STATE]');
    expect(rest.endsWith(spdy.goAway(7).toString('latin1'))).toBe(true);
    expect(await rig.ended()).toMatchObject({ outcome: 'terminated' });
  },
  SPDY,
);

row('R13 frames are read whole however the network cuts and joins them', async setting => {
  const rig = await startRig();
  const { client, upstream, say } = await openSession(rig, setting, { target: CATQ });
  const up = Buffer.concat([say.input('ab'), say.input('cd'), say.endInput()]);
  for (const byte of up) client.send(Buffer.of(byte));
  expect(await upstream.takes(up)).toBe(true);
  const out = Buffer.concat(['one', 'two', 'three'].map(text => say.output(text)));
  for (const byte of out) upstream.send(Buffer.of(byte));
  upstream.send(out, say.errors('err'), say.status(SUCCESS), say.farewell);
  upstream.fin();
  expect(await client.takes(Buffer.concat([out, out]))).toBe(true);
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
  expect(outputOf(rig.recorder.cast)).toBe('onetwothreeonetwothreeerr');
});

row('R30 a terminal is one by the server’s rules for booleans, and needs no size', async setting => {
  const rig = await startRig();
  for (const [index, tty] of ['1', '', 'no', 'TRUE'].entries()) {
    const target = `${EXECQ.replace('&stderr=true', '')}&stdin=true&tty=${tty}`;
    const client = await rig.client();
    client.send(upgradeRequest(setting.transport, { target, token: setting.policy }));
    const upstream = await rig.upstream.next();
    expect((await upstream.head())[0]).toContain('tty=true');
    upstream.send(switching(setting.transport));
    await client.head();
    client.rst();
    await rig.ended(index + 1);
  }
});
