import { expect } from 'vitest';
import { startRig } from './rig.ts';
import { castOf, openSession, outputOf, row } from './session.ts';
import { SUCCESS, TTYQ } from './speech.ts';

row(
  'B055 the prompt that comes before the first size waits for it in the cast, and not at the client',
  async setting => {
    const rig = await startRig({ recordingLimits: { headerWaitMs: 30_000 } });
    const { client, upstream, say } = await openSession(rig, setting, { target: TTYQ });
    upstream.send(say.output('$ '));
    expect(await client.takes(say.output('$ '))).toBe(true);
    client.send(say.resize('{"Width":132,"Height":43}\n'));
    await (await rig.recorder.first()).until(({ bytes }) => bytes > 0);
    upstream.send(say.status(SUCCESS), say.farewell);
    upstream.fin();
    await rig.ended();
    expect(castOf(rig.recorder.cast).header).toMatchObject({ width: 132, height: 43 });
    expect(outputOf(rig.recorder.cast)).toBe('$ ');
  },
);

row('B055 a size that comes before the prompt is the header’s too', async setting => {
  const rig = await startRig({ recordingLimits: { headerWaitMs: 30_000 } });
  const { client, upstream, say } = await openSession(rig, setting, { target: TTYQ });
  const size = say.resize('{"Width":132,"Height":43}\n');
  client.send(size);
  await upstream.take(size.length);
  upstream.send(say.output('$ '), say.status(SUCCESS), say.farewell);
  upstream.fin();
  await rig.ended();
  expect(castOf(rig.recorder.cast).header).toMatchObject({ width: 132, height: 43 });
});

row('B056 R30 a terminal that never tells its size is recorded at 80x24', async setting => {
  const rig = await startRig({ recordingLimits: { headerWaitMs: 20 } });
  const { client, upstream, say } = await openSession(rig, setting, { target: TTYQ });
  upstream.send(say.output('$ '));
  expect(await client.takes(say.output('$ '))).toBe(true);
  // The header goes out by the clock alone.
  await (await rig.recorder.first()).until(({ bytes }) => bytes > 0);
  expect(castOf(rig.recorder.cast).header).toMatchObject({ width: 80, height: 24 });
  upstream.send(say.status(SUCCESS), say.farewell);
  upstream.fin();
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
});

row('B058 later sizes are events in the order of time, and of a storm the last one stays', async setting => {
  const rig = await startRig({ recordingLimits: { maxResizesPerSecond: 20 } });
  const { client, upstream, say } = await openSession(rig, setting, { target: TTYQ });
  const storm = Array.from({ length: 500 }, (_, index) =>
    say.resize(`{"Width":${100 + index},"Height":50}\n`),
  );
  const sizes = Buffer.concat(storm);
  client.send(sizes);
  expect(await upstream.takes(sizes)).toBe(true);
  upstream.send(say.status(SUCCESS), say.farewell);
  upstream.fin();
  await rig.ended();
  const { header, events } = castOf(rig.recorder.cast);
  expect(header).toMatchObject({ width: 100, height: 50 });
  const resizes = events.filter(([, kind]) => kind === 'r');
  expect(resizes.length).toBeLessThan(200);
  expect(resizes.at(-1)?.[2]).toBe('599x50');
  const times = events.map(([seconds]) => seconds);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

row('B059 R30 sizes that are none pass unchanged, and are in no cast', async setting => {
  const rig = await startRig({ recordingLimits: { maxResizesPerSecond: 1_000 } });
  const { client, upstream, say } = await openSession(rig, setting, { target: TTYQ });
  const odd = [
    '{"Width":-1,"Height":24}',
    '{"Width":70000,"Height":24}',
    '{"Width":1e9,"Height":24}',
    '{"Width":"80","Height":24}',
    'null',
    '[]',
    '{',
    '{'.repeat(32 * 1024),
    '{"__proto__":{}}',
    '{"Width":81,"Height":25}\n',
  ].map(json => say.resize(json));
  const first = say.resize('{"Width":80,"Height":24}\n');
  client.send(first, ...odd);
  expect(await upstream.takes(Buffer.concat([first, ...odd]))).toBe(true);
  upstream.send(say.output('ok'), say.status(SUCCESS), say.farewell);
  upstream.fin();
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
  const { events } = castOf(rig.recorder.cast);
  expect(events.map(([, kind, text]) => `${kind} ${text}`)).toEqual(['r 81x25', 'o ok']);
});
