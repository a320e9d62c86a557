import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { frame, message } from '../src/wire/websocket-encoder.ts';
import { startRecorder } from './recorder.ts';
import { startRig } from './rig.ts';
import { castOf, openSession, outputOf, row } from './session.ts';
import { ATTACH, EXEC, exitStatus, SUCCESS, speech, switching, upgradeRequest } from './speech.ts';

/** Output in these pieces, an orderly end, and what the cast then says. */
async function recorded(setting: Parameters<Parameters<typeof row>[1]>[0], pieces: readonly string[]) {
  const rig = await startRig();
  const { client, upstream, say } = await openSession(rig, setting);
  const out = Buffer.concat([
    ...pieces.map(hex => say.output(Buffer.from(hex.replaceAll(' ', ''), 'hex'))),
    say.status(SUCCESS),
    say.farewell,
  ]);
  upstream.send(out);
  upstream.fin();
  expect(await client.takes(out)).toBe(true);
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
  return rig.recorder.cast;
}

row('B043 a slow client loses nothing of a big download', async setting => {
  const rig = await startRig();
  const { client, upstream, say } = await openSession(rig, setting);
  const piece = say.output(Buffer.alloc(32 * 1024, 'x'));
  const end = Buffer.concat([say.status(SUCCESS), say.farewell]);
  const sent = createHash('sha256');
  // Counted by hash: neither side keeps 24 MB as text.
  const got = createHash('sha256');
  client.socket.removeAllListeners('data');
  client.socket.pause();
  const count = 768;
  const total = count * piece.length + end.length;
  for (let at = 0; at < count; at++) {
    sent.update(piece);
    upstream.socket.write(piece);
  }
  sent.update(end);
  upstream.socket.end(end);
  // Nobody reads, so upstream is held back by the client and not by a buffer of ours.
  expect(upstream.socket.writableLength).toBeGreaterThan(8 * 1024 * 1024);
  let bytes = 0;
  await new Promise<void>(resolve => {
    client.socket.on('data', (chunk: Buffer) => {
      got.update(chunk);
      bytes += chunk.length;
      client.socket.pause();
      setImmediate(() => client.socket.resume());
      if (bytes >= total) resolve();
    });
    client.socket.resume();
  });
  expect(bytes).toBe(total);
  expect(got.digest('hex')).toBe(sent.digest('hex'));
  expect(await rig.ended()).toMatchObject({
    outcome: 'recorded',
    streams: { stdout: { bytes: count * 32 * 1024 } },
  });
});

for (const how of ['a reset', 'an end in the middle of a frame', 'an end without a status'] as const) {
  row(`B044 E3 ${how} of upstream is no success`, async setting => {
    const rig = await startRig();
    const { client, upstream, say } = await openSession(rig, setting);
    const ten = Buffer.concat(Array.from({ length: 10 }, (_, index) => say.output(String(index))));
    upstream.send(ten);
    expect(await client.takes(ten)).toBe(true);
    if (how === 'a reset') upstream.rst();
    else {
      if (how === 'an end in the middle of a frame') upstream.send(say.output('cut').subarray(0, -1));
      upstream.fin();
    }
    const rest = await client.rest();
    expect(rest).not.toContain('Success');
    expect(await rig.ended()).toMatchObject({ outcome: 'aborted', cause: { code: 'upstream.cut' } });
    expect(outputOf(rig.recorder.cast)).toMatch(/^0123456789/);
    expect(rig.audit.filter(({ type }) => type === 'session.ended')).toHaveLength(1);
    expect(rig.audit.map(({ type }) => type)).not.toContain('recording.failed');
  });
}

row('B046 R31 bytes that are no UTF-8 become replacement characters in one line', async setting => {
  const cast = await recorded(setting, ['61 ff fe c0 80 ed a0 80 f0 9f 62']);
  const { events } = castOf(cast);
  expect(events).toHaveLength(1);
  expect(events[0]?.[2]).toMatch(/^a\ufffd+b$/);
});

row('B047 R13 characters that are cut by frames are whole in the cast', async setting => {
  const cast = await recorded(setting, ['e6', 'bc a2 e5', 'ad 97', 'f0', '9f', '98', '80']);
  expect(outputOf(cast)).toBe('漢字😀');
});

row(
  'B047 characters that are cut by WebSocket fragments are whole too',
  async setting => {
    const rig = await startRig();
    const { client, upstream, say } = await openSession(rig, setting);
    const first = frame({ fin: false, opcode: 2, payload: message(1, Buffer.from('e6', 'hex')) });
    const out = Buffer.concat([
      first,
      frame({ opcode: 0, payload: Buffer.from('bca2', 'hex') }),
      say.status(SUCCESS),
      say.farewell,
    ]);
    upstream.send(out);
    upstream.fin();
    expect(await client.takes(out)).toBe(true);
    await rig.ended();
    expect(outputOf(rig.recorder.cast)).toBe('漢');
  },
  { transports: ['websocket'] },
);

row('B049 a character that never ends is shown as one, before the end', async setting => {
  const cast = await recorded(setting, ['68 69 e6 bc']);
  expect(outputOf(cast)).toBe('hi\ufffd');
});

row('B050 control characters stay what they are, in one line of JSON', async setting => {
  const cast = await recorded(setting, ['ef bb bf 41 00 0e 1b 5b 33 31 6d 22 5c 0d 0a e2 80 a8 7f']);
  const lines = cast.toString().split(/\n|\u2028/);
  expect(lines).toHaveLength(3);
  expect(outputOf(cast)).toBe('\ufeffA\0\x0e\x1b[31m"\\\r\n\u2028\x7f');
});

row('B052 a command without stdout or stdin is recorded, and one without output too', async setting => {
  const rig = await startRig();
  for (const [index, output] of ['oops', ''].entries()) {
    const { client, upstream, say } = await openSession(rig, setting, {
      target: `${EXEC}?stderr=true&command=sh`,
    });
    const out = Buffer.concat([
      ...(output === '' ? [] : [say.errors(output)]),
      say.status(exitStatus(1)),
      say.farewell,
    ]);
    upstream.send(out);
    upstream.fin();
    expect(await client.takes(out)).toBe(true);
    expect(await rig.ended(index + 1)).toMatchObject({ outcome: 'recorded', exitCode: 1 });
    const upload = rig.recorder.uploads[index];
    expect(upload?.state).toBe('ended');
    expect(castOf(upload?.body ?? Buffer.alloc(0)).header).toMatchObject({
      version: 2,
      width: 80,
      height: 24,
    });
    expect(outputOf(upload?.body ?? Buffer.alloc(0))).toBe(output);
  }
});

row('B053 R29 nothing of an attached program is lost while the recorder is slow', async setting => {
  let accept = (): void => {};
  const go = new Promise<void>(resolve => {
    accept = resolve;
  });
  const slow = await startRecorder({ accept: () => go });
  const rig = await startRig({ recorders: [slow.address] });
  const target = `${ATTACH}?stdout=true&stderr=true`;
  const say = speech(setting.transport, target);
  const client = await rig.client();
  client.send(upgradeRequest(setting.transport, { target, token: setting.policy }), say.opening);
  await rig.state('connectingRecorders');
  // Upstream hears nothing before the recorder has agreed, so it cannot begin to speak.
  expect(rig.upstream.peers).toHaveLength(0);
  accept();
  const upstream = await rig.upstream.next();
  await upstream.head();
  upstream.send(switching(setting.transport));
  await upstream.take(say.opening.length);
  const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index + 1}\n`);
  upstream.send(say.replies, ...lines.map(line => say.output(line)), say.status(SUCCESS), say.farewell);
  upstream.fin();
  expect(await rig.ended()).toMatchObject({ outcome: 'recorded' });
  expect(outputOf(slow.cast)).toBe(lines.join(''));
});
