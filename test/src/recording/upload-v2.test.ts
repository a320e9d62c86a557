import type { ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { connectRecorder } from '../../../src/recording/connect.ts';
import type { RecorderLimits } from '../../../src/recording/recorder-limits.ts';
import type { RecorderError, Upload } from '../../../src/recording/upload.ts';
import type { Seen, V2Behaviour } from './fake-recorders.ts';
import { readAndAck, startTap, startV2 } from './fake-recorders.ts';
import { FakeTime } from './fake-time.ts';

const PATIENT: Partial<RecorderLimits> = { ackSilenceMs: 20_000, finalAnswerMs: 20_000 };

async function uploadTo(behaviour: V2Behaviour, limits = PATIENT): Promise<{ upload: Upload; seen: Seen }> {
  const { address, seen } = await startV2(behaviour);
  const upload = await connectRecorder(address, { limits });
  expect(upload.protocol).toBe('v2');
  return { upload, seen };
}

function failureOf(upload: Upload): Promise<RecorderError> {
  return new Promise(resolve => upload.on('failed', resolve));
}

function acked(upload: Upload, unackedBytes: number): Promise<void> {
  return new Promise(resolve => {
    const onAcked = (): void => {
      if (upload.unackedBytes !== unackedBytes) return;
      upload.off('acked', onAcked);
      resolve();
    };
    upload.on('acked', onAcked);
  });
}

/** Says something once the first bytes of the body are there, so that acks can be right. */
function saying(...texts: string[]): (stream: ServerHttp2Stream, seen: Seen) => void {
  return (stream, seen) => {
    stream.on('data', (bytes: Buffer) => seen.take(bytes));
    stream.once('data', () => {
      for (const text of texts) stream.write(text);
    });
  };
}

describe('an upload over HTTP/2', () => {
  test('counts what the recorder has not acknowledged', async () => {
    const { upload, seen } = await uploadTo({});
    const all = acked(upload, 0);
    upload.write(Buffer.from('first\n'));
    upload.write(Buffer.from('second\n'));
    expect(upload.unackedBytes).toBe(13);
    await all;
    expect(upload.unackedBytes).toBe(0);
    await upload.end();
    expect(seen).toMatchObject({ ended: true, cut: false });
    expect(seen.body.toString()).toBe('first\nsecond\n');
    await seen.hasNoSockets();
  });

  test('1 MiB arrives as it was sent, and the answer to write tells of the wait', async () => {
    const { upload, seen } = await uploadTo({});
    const sent = Buffer.alloc(1024 * 1024, 'The quick brown fox\n');
    const answers = new Set<boolean>();
    for (let at = 0; at < sent.length; at += 4096) answers.add(upload.write(sent.subarray(at, at + 4096)));
    await upload.end();
    expect(seen.body.equals(sent)).toBe(true);
    expect(answers).toContain(false);
  });

  test('a recorder without acks is whole when its answer ends in time', async () => {
    const { upload, seen } = await uploadTo({ acks: false });
    upload.write(Buffer.from('x'));
    await upload.end();
    expect(upload.unackedBytes).toBe(1);
    expect(seen.ended).toBe(true);
  });

  test('acks count while the end is waited for', async () => {
    const { upload } = await uploadTo({
      onBodyEnd: (stream, seen) => stream.end(`{}{"ack":${seen.bytes}}`),
      acks: false,
    });
    upload.write(Buffer.from('four'));
    const all = acked(upload, 0);
    await Promise.all([upload.end(), all]);
  });

  test('an older ack after a newer one takes nothing back', async () => {
    const { upload } = await uploadTo({ onUpload: saying('{"ack":4}{"ack":1}{"error":"that was all"}') });
    const failed = failureOf(upload);
    upload.write(Buffer.from('four'));
    expect(await failed).toMatchObject({ kind: 'reported' });
    expect(upload.unackedBytes).toBe(0);
  });

  test('each object of the answer is a sign of life, an empty one too', async () => {
    const time = new FakeTime();
    let answer: ServerHttp2Stream | undefined;
    const { address } = await startV2({
      onUpload: (stream, seen) => {
        answer = stream;
        readAndAck(stream, seen);
      },
    });
    const upload = await connectRecorder(address, { timers: time });
    const failures: RecorderError[] = [];
    upload.on('failed', failure => failures.push(failure));
    for (let turn = 0; turn < 3; turn++) {
      time.pass(29_999);
      const all = acked(upload, 0);
      answer?.write('{}');
      upload.write(Buffer.from('x'));
      await all;
    }
    time.pass(29_999);
    expect(failures).toEqual([]);
    time.pass(1);
    expect(failures).toEqual([expect.objectContaining({ kind: 'timeout', phase: 'ack' })]);
    expect(time.timers).toBe(0);
  });

  test('end is one promise, and after it nothing is written', async () => {
    const { upload, seen } = await uploadTo({});
    const end = upload.end();
    expect(upload.end()).toBe(end);
    expect(upload.write(Buffer.from('late'))).toBe(true);
    await end;
    upload.abort();
    expect(seen.body).toHaveLength(0);
  });
});

interface Failing {
  readonly name: string;
  readonly behaviour: V2Behaviour;
  readonly limits?: Partial<RecorderLimits>;
  readonly kind: string;
  readonly phase: string;
  readonly says: RegExp;
}

const answering = (...texts: string[]): V2Behaviour => ({ onUpload: saying(...texts) });

const IN_MID_STREAM: readonly Failing[] = [
  {
    name: 'reports an error of a kind that it names',
    behaviour: answering('{"error":"no room","kind":"disk"}'),
    kind: 'disk',
    phase: 'store',
    says: /reported "no room"/,
  },
  {
    name: 'reports an error of a kind that there is not',
    behaviour: answering('{"error":"no room","kind":"timeout"}'),
    kind: 'reported',
    phase: 'store',
    says: /reported "no room"/,
  },
  {
    name: 'reports an error',
    behaviour: answering('{"ack":1}\n{"error":"disk \\"full\\""}'),
    kind: 'reported',
    phase: 'store',
    says: /reported "disk \\"full\\""/,
  },
  {
    name: 'sends junk',
    behaviour: answering('{"ack":1} ok'),
    kind: 'protocol',
    phase: 'ack',
    says: /sent no ack: expected "\{"/,
  },
  {
    name: 'sends an object without end',
    behaviour: answering(`{"error":"${'a'.repeat(20_000)}`),
    kind: 'protocol',
    phase: 'ack',
    says: /more than 16384 bytes/,
  },
  ...['-1', '1.5', '"1"', 'null', '1e300'].map(
    (ack): Failing => ({
      name: `sends ack ${ack}`,
      behaviour: answering(`{"ack":${ack}}`),
      kind: 'protocol',
      phase: 'ack',
      says: /not a count of bytes/,
    }),
  ),
  {
    name: 'acknowledges more than was sent',
    behaviour: answering('{"ack":5}'),
    kind: 'protocol',
    phase: 'ack',
    says: /acknowledged 5 bytes of 4/,
  },
  {
    name: 'ends its answer early',
    behaviour: { onUpload: stream => stream.once('data', () => stream.end('{"ack":4}')) },
    kind: 'protocol',
    phase: 'stream',
    says: /ended its answer before the recording ended/,
  },
  {
    name: 'resets the stream',
    behaviour: {
      onUpload: stream => stream.once('data', () => stream.destroy(new Error('out of disk'))),
    },
    kind: 'reset',
    phase: 'stream',
    says: /INTERNAL_ERROR/,
  },
  {
    name: 'resets the connection',
    behaviour: { onUpload: (stream, seen) => stream.once('data', () => destroyAll(seen, 'reset')) },
    kind: 'reset',
    phase: 'stream',
    says: /./,
  },
  {
    name: 'closes the connection',
    behaviour: { onUpload: stream => stream.once('data', () => stream.session?.destroy()) },
    kind: 'reset',
    phase: 'stream',
    says: /./,
  },
  {
    name: 'goes away with an error',
    behaviour: {
      onUpload: stream =>
        stream.once('data', () => stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM)),
    },
    kind: 'reset',
    phase: 'stream',
    says: /./,
  },
  {
    name: 'falls silent, idle or not B064',
    behaviour: { onUpload: saying('{}') },
    limits: { ackSilenceMs: 50 },
    kind: 'timeout',
    phase: 'ack',
    says: /sent nothing for 50 ms/,
  },
  {
    name: 'is silent from the start',
    behaviour: { onUpload: () => undefined },
    limits: { ackSilenceMs: 50 },
    kind: 'timeout',
    phase: 'ack',
    says: /sent nothing for 50 ms/,
  },
];

function destroyAll(seen: Seen, how: 'reset' | 'close'): void {
  for (const socket of seen.sockets) {
    if (how === 'reset') socket.resetAndDestroy();
    else socket.destroy();
  }
}

describe('a recorder that fails in mid-session', () => {
  test.each(IN_MID_STREAM)('$name', async ({ behaviour, limits, kind, phase, says }) => {
    const { upload, seen } = await uploadTo(behaviour, { ...PATIENT, ...limits });
    const failures: RecorderError[] = [];
    upload.on('failed', failure => failures.push(failure));
    const failed = failureOf(upload);
    upload.write(Buffer.from('four'));
    const failure = await failed;
    expect(failure).toMatchObject({
      kind,
      phase,
      recorder: upload.recorder,
      message: expect.stringMatching(says),
    });
    expect(upload.write(Buffer.from('more'))).toBe(true);
    await expect(upload.end()).rejects.toBe(failure);
    upload.abort();
    await seen.hasNoSockets();
    expect(seen.ended).toBe(false);
    expect(failures).toEqual([failure]);
  });

  test('a reset right behind the headers is told to whoever listens first B062', async () => {
    const { upload } = await uploadTo({ onUpload: stream => stream.destroy(new Error('no')) });
    expect(await failureOf(upload)).toMatchObject({ kind: 'reset', phase: 'stream' });
  });

  test('an orderly GOAWAY lets the recording come to its end (RFC 9113 section 6.8)', async () => {
    const { upload, seen } = await uploadTo({
      onUpload: (stream, all) => {
        stream.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
        readAndAck(stream, all);
      },
    });
    const all = acked(upload, 0);
    upload.write(Buffer.from('before'));
    await all;
    upload.write(Buffer.from(' after'));
    await upload.end();
    expect(seen.body.toString()).toBe('before after');
  });
});

const AT_THE_END: readonly Failing[] = [
  {
    name: 'never answers',
    behaviour: { onBodyEnd: () => undefined },
    limits: { finalAnswerMs: 50 },
    kind: 'timeout',
    phase: 'finalise',
    says: /no final answer within 50 ms/,
  },
  {
    name: 'reports an error',
    behaviour: { onBodyEnd: stream => stream.end('{"error":"could not store it"}') },
    kind: 'reported',
    phase: 'store',
    says: /could not store it/,
  },
  {
    name: 'resets the stream',
    behaviour: { onBodyEnd: stream => stream.close(constants.NGHTTP2_INTERNAL_ERROR) },
    kind: 'reset',
    phase: 'finalise',
    says: /INTERNAL_ERROR/,
  },
  {
    name: 'resets the connection',
    behaviour: { onBodyEnd: (_stream, seen) => destroyAll(seen, 'reset') },
    kind: 'reset',
    phase: 'finalise',
    says: /./,
  },
  {
    name: 'closes the connection',
    behaviour: { onBodyEnd: (_stream, seen) => destroyAll(seen, 'close') },
    kind: 'reset',
    phase: 'finalise',
    says: /./,
  },
  {
    name: 'ends inside an object',
    behaviour: { onBodyEnd: stream => stream.end('{"ack":') },
    kind: 'protocol',
    phase: 'finalise',
    says: /inside an object/,
  },
];

describe('a recorder that fails after the body B065', () => {
  test.each(AT_THE_END)('$name', async ({ behaviour, limits, kind, phase, says }) => {
    const { upload, seen } = await uploadTo(behaviour, { ...PATIENT, ...limits });
    const failures: RecorderError[] = [];
    upload.on('failed', failure => failures.push(failure));
    upload.write(Buffer.from('four'));
    await expect(upload.end()).rejects.toMatchObject({ kind, phase, message: expect.stringMatching(says) });
    await seen.hasNoSockets();
    expect(seen.body.toString()).toBe('four');
    expect(failures).toEqual([]);
  });

  test('an answer that ends before the body was taken is no success', async () => {
    let stream: ServerHttp2Stream | undefined;
    const { upload } = await uploadTo({
      windowBytes: 10,
      onUpload: taken => {
        stream = taken;
      },
    });
    upload.write(Buffer.alloc(1000));
    const end = upload.end();
    stream?.end('{"ack":10}');
    stream?.close(constants.NGHTTP2_NO_ERROR);
    await expect(end).rejects.toMatchObject({ phase: 'finalise' });
  });
});

const DATA = 0;
const END_STREAM = 1;

/** Frame headers (RFC 9113 section 4.1) behind the client's preface of 24 bytes. */
function frames(bytes: Buffer): { type: number; flags: number }[] {
  const found = [];
  for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    found.push({ type: bytes.readUInt8(at + 3), flags: bytes.readUInt8(at + 4) });
  return found;
}

describe('an upload that is aborted', () => {
  test('is cut, not ended, and says nothing more', async () => {
    const { upload, seen } = await uploadTo({});
    const failures: RecorderError[] = [];
    upload.on('failed', failure => failures.push(failure));
    upload.write(Buffer.from('part'));
    await seen.hasBytes(4);
    upload.abort();
    upload.abort();
    await seen.isOver();
    expect(seen).toMatchObject({ ended: false, cut: true });
    await seen.hasNoSockets();
    await expect(upload.end()).rejects.toMatchObject({ kind: 'reset' });
    expect(failures).toEqual([]);
  });

  test.each([true, false])('sends no END_STREAM (recorder has acknowledged all: %s)', async all => {
    const recorder = await startV2();
    const tap = await startTap(recorder);
    const upload = await connectRecorder(tap.address);
    const done = acked(upload, 0);
    upload.write(Buffer.from('part'));
    await done;
    if (!all) upload.write(Buffer.from('more'));
    upload.abort();
    await recorder.seen.isOver();
    const data = frames(tap.fromClient()).filter(frame => frame.type === DATA);
    expect(data.length).toBeGreaterThan(0);
    expect(data.filter(frame => (frame.flags & END_STREAM) !== 0)).toEqual([]);
  });

  test('lets go of a recorder that has stopped reading', async () => {
    const { upload, seen } = await uploadTo({ windowBytes: 10, onUpload: () => undefined });
    upload.write(Buffer.alloc(1024 * 1024));
    upload.abort();
    await seen.hasNoSockets();
    expect(seen.ended).toBe(false);
  });

  test('while its end is waited for', async () => {
    const { upload, seen } = await uploadTo({ onBodyEnd: () => upload.abort() });
    await expect(upload.end()).rejects.toMatchObject({ kind: 'reset', phase: 'finalise' });
    await seen.hasNoSockets();
  });
});
