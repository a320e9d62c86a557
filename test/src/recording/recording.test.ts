import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CastSubject } from '../../../src/recording/cast.ts';
import type { RecordingOptions } from '../../../src/recording/recording.ts';
import { Recording } from '../../../src/recording/recording.ts';
import type { RecorderError } from '../../../src/recording/upload.ts';
import { FakeTime } from './fake-time.ts';
import { FakeUpload, failure } from './fake-upload.ts';

const SUBJECT: CastSubject = {
  command: ['sh'],
  srcNode: '',
  srcNodeID: '',
  kubernetes: { PodName: 'p', Namespace: 'd', Container: 'c', SessionType: 'exec' },
  kubewitness: {
    sessionId: 's',
    auditId: 's',
    user: 'u',
    groups: [],
    cluster: 'k',
    subprotocol: 'v5.channel.k8s.io',
  },
};
const SIZE = { cols: 100, rows: 30 };

interface Bench {
  readonly time: FakeTime;
  readonly upload: FakeUpload;
  readonly recording: Recording;
  readonly failures: RecorderError[];
  readonly drains: () => number;
}

function begin(options: Partial<RecordingOptions> = {}): Bench {
  const time = new FakeTime();
  const upload = new FakeUpload();
  const recording = new Recording({
    subject: SUBJECT,
    tty: true,
    upload,
    clock: time,
    timers: time,
    whenFull: 'pause',
    ...options,
  });
  const failures: RecorderError[] = [];
  let drains = 0;
  recording.on('failed', error => failures.push(error));
  recording.on('drain', () => drains++);
  return { time, upload, recording, failures, drains: () => drains };
}

const header = (width: number, height: number): unknown =>
  expect.objectContaining({ version: 2, width, height, timestamp: 1_767_225_600 });

describe('the header', () => {
  test('waits for the size, and what came before it follows with its own times B055', () => {
    const { time, upload, recording } = begin();
    time.pass(50);
    recording.output('stdout', Buffer.from('$ '));
    time.pass(50);
    expect(upload.text).toBe('');
    recording.resize(SIZE);
    recording.output('stderr', Buffer.from('x'));
    expect(upload.lines).toEqual([header(100, 30), [0.05, 'o', '$ '], [0.1, 'o', 'x']]);
  });

  test('comes first when the size does B055', () => {
    const { upload, recording } = begin();
    recording.resize(SIZE);
    recording.output('stdout', Buffer.from('$ '));
    expect(upload.lines).toEqual([header(100, 30), [0, 'o', '$ ']]);
  });

  test('has a default size when none comes, and a late one is an event B056', () => {
    const { time, upload, recording } = begin();
    recording.output('stdout', Buffer.from('$ '));
    time.pass(499);
    expect(upload.text).toBe('');
    time.pass(1);
    expect(upload.lines).toEqual([header(80, 24), [0, 'o', '$ ']]);
    recording.resize(SIZE);
    expect(upload.lines).toEqual([header(80, 24), [0, 'o', '$ '], [0.5, 'r', '100x30']]);
  });

  test('does not wait past a bound of output', () => {
    const { upload, recording } = begin({ limits: { headerWaitBytes: 10 } });
    recording.output('stdout', Buffer.from('123456789'));
    expect(upload.text).toBe('');
    recording.output('stdout', Buffer.from('0'));
    expect(upload.lines).toEqual([header(80, 24), [0, 'o', '123456789'], [0, 'o', '0']]);
  });

  test('is written at once without a terminal B056', () => {
    const { upload, time } = begin({ tty: false });
    expect(upload.lines).toEqual([header(80, 24)]);
    expect(time.timers).toBe(1);
  });

  test.each([true, false])('stands alone in a session without output (tty %s) B052', async tty => {
    const { upload, recording } = begin({ tty });
    expect(await recording.end()).toMatchObject({ events: 0, castBytes: upload.text.length, complete: true });
    expect(upload.lines).toEqual([header(80, 24)]);
  });
});

describe('sizes B058', () => {
  test('are events when they change', () => {
    const { time, upload, recording } = begin();
    recording.resize(SIZE);
    time.pass(1_000);
    recording.resize({ cols: 200, rows: 50 });
    time.pass(1_000);
    recording.resize({ cols: 80, rows: 24 });
    time.pass(1_000);
    recording.resize({ cols: 80, rows: 24 });
    expect(upload.lines.slice(1)).toEqual([
      [1, 'r', '200x50'],
      [2, 'r', '80x24'],
    ]);
  });

  test('come in a storm: bounded, in order, the last one kept', () => {
    const { time, upload, recording } = begin({ limits: { maxResizesPerSecond: 5 } });
    recording.resize(SIZE);
    for (let at = 0; at < 500; at++) {
      recording.resize({ cols: 101 + at, rows: 30 });
      recording.output('stdout', Buffer.from('.'));
      time.pass(2);
    }
    time.pass(1_000);
    const sizes = upload.lines.slice(1).filter(event => Array.isArray(event) && event[1] === 'r');
    expect(sizes.length).toBeLessThanOrEqual(10);
    expect(sizes.at(-1)).toEqual([expect.any(Number), 'r', '600x30']);
    expectTimesInOrder(upload);
  });

  test('that wait at the end are written', async () => {
    const { time, upload, recording } = begin({ limits: { maxResizesPerSecond: 1 } });
    recording.resize(SIZE);
    recording.resize({ cols: 101, rows: 30 });
    recording.resize({ cols: 102, rows: 30 });
    recording.resize({ cols: 103, rows: 30 });
    await recording.end();
    expect(upload.lines.slice(1)).toEqual([
      [0, 'r', '101x30'],
      [0, 'r', '103x30'],
    ]);
    expect(time.timers).toBe(0);
  });
});

function expectTimesInOrder(upload: FakeUpload): void {
  const times = upload.lines.slice(1).map(event => (Array.isArray(event) ? Number(event[0]) : Number.NaN));
  expect(times).toEqual([...times].sort((a, b) => a - b));
}

describe('text', () => {
  const written = (upload: FakeUpload): string =>
    upload.lines
      .slice(1)
      .map(event => (Array.isArray(event) ? String(event[2]) : ''))
      .join('');

  test('of bad bytes becomes replacement marks in one line B046', () => {
    const { upload, recording } = begin({ tty: false });
    recording.output('stdout', Buffer.from('61fffec080eda080f09f62', 'hex'));
    expect(upload.lines).toHaveLength(2);
    expect(written(upload)).toMatch(/^a\ufffd+b$/);
  });

  test('has the time of the frame that completed a character B047', () => {
    const { time, upload, recording } = begin({ tty: false });
    for (const piece of ['e6', 'bca2e5', 'ad97']) {
      time.pass(1_000);
      recording.output('stdout', Buffer.from(piece, 'hex'));
    }
    expect(upload.lines.slice(1)).toEqual([
      [2, 'o', '漢'],
      [3, 'o', '字'],
    ]);
  });

  test('of both streams does not mix inside a character B047', () => {
    const { upload, recording } = begin({ tty: false });
    recording.output('stdout', Buffer.from('f09f', 'hex'));
    recording.output('stderr', Buffer.from('err'));
    recording.output('stdout', Buffer.from('9880', 'hex'));
    expect(written(upload)).toBe('err😀');
  });

  test('that was cut by the end is flushed before it B049', async () => {
    const { upload, recording } = begin({ tty: false });
    recording.output('stdout', Buffer.from('6869e6bc', 'hex'));
    await recording.end();
    expect(written(upload)).toBe('hi\ufffd');
    recording.output('stdout', Buffer.from('late'));
    expect(written(upload)).toBe('hi\ufffd');
  });

  test('keeps BOM and NUL B050', () => {
    const { upload, recording } = begin({ tty: false });
    recording.output('stdout', Buffer.from('efbbbf4100', 'hex'));
    expect(written(upload)).toBe('\ufeffA\u0000');
  });

  test('is the same however the bytes are cut', async () => {
    const bytes = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }).map(text => Buffer.from(text)),
      fc.uint8Array({ maxLength: 40 }).map(array => Buffer.from(array)),
    );
    await fc.assert(
      fc.asyncProperty(
        bytes,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
        async (all, sizes) => {
          const { upload, recording } = begin({ tty: false });
          for (let at = 0, turn = 0; at < all.length; turn++) {
            const end = at + (sizes[turn % sizes.length] ?? 1);
            recording.output('stdout', all.subarray(at, end));
            at = end;
          }
          const { streams } = await recording.end();
          expect(written(upload)).toBe(all.toString('utf8'));
          expect(streams.stdout).toEqual({
            bytes: all.length,
            sha256: createHash('sha256').update(all).digest('hex'),
          });
        },
      ),
    );
  });
});

describe('time B103', () => {
  test('is monotonic while the wall clock jumps', () => {
    const { time, upload, recording } = begin();
    const jumps = [-3_600_000, 86_400_000, 0];
    for (const jump of jumps) {
      time.wallMs += jump;
      time.pass(1_000);
      recording.output('stdout', Buffer.from('x'));
    }
    upload.acknowledge();
    time.pass(26 * 3_600_000);
    recording.output('stderr', Buffer.from('x'));
    expect(upload.lines).toEqual([
      header(80, 24),
      [1, 'o', 'x'],
      [2, 'o', 'x'],
      [3, 'o', 'x'],
      [93_603, 'o', 'x'],
    ]);
  });
});

describe('back-pressure', () => {
  const limits = { maxUnackedBytes: 1_000 };

  test('closed: output pauses past the bound and drains once at half of it', () => {
    const { upload, recording, drains, failures } = begin({ tty: false, limits });
    upload.acknowledge();
    expect(recording.output('stdout', Buffer.alloc(900, 'x'))).toBe(true);
    expect(recording.output('stdout', Buffer.alloc(900, 'x'))).toBe(false);
    expect(recording.output('stdout', Buffer.alloc(1, 'x'))).toBe(false);
    upload.acknowledge(upload.unackedBytes - 501);
    expect(drains()).toBe(0);
    upload.acknowledge(1);
    upload.acknowledge(1);
    expect(drains()).toBe(1);
    expect(recording.output('stdout', Buffer.from('x'))).toBe(true);
    expect(failures).toEqual([]);
  });

  test('closed: what is held for the header counts', () => {
    const { time, upload, recording, drains } = begin({ limits });
    expect(recording.output('stdout', Buffer.alloc(1_100, 'x'))).toBe(false);
    time.pass(500);
    upload.acknowledge();
    expect(drains()).toBe(1);
  });

  test('open: past the bound the recorder is lost, and once given up counting goes on', () => {
    const { upload, recording, failures, drains, time } = begin({
      tty: false,
      limits: { maxUnackedBytesOpen: limits.maxUnackedBytes },
      whenFull: 'fail',
    });
    expect(recording.output('stdout', Buffer.alloc(1_100, 'x'))).toBe(false);
    recording.giveUp();
    expect(drains()).toBe(1);
    expect(failures).toEqual([
      expect.objectContaining({ kind: 'size', phase: 'stream', recorder: 'recorder:80' }),
    ]);
    expect(recording.output('stdout', Buffer.alloc(1_100, 'x'))).toBe(true);
    expect(upload.state).toBe('aborted');
    expect(recording.summary()).toMatchObject({ complete: false, streams: { stdout: { bytes: 2_200 } } });
    expect(failures).toHaveLength(1);
    expect(drains()).toBe(1);
    expect(time.timers).toBe(0);
  });
});

describe('acknowledgements that do not come B064', () => {
  test('fail the recording, with no output needed', () => {
    const { time, upload, failures } = begin({ tty: false });
    time.pass(29_999);
    expect(failures).toEqual([]);
    time.pass(1);
    expect(failures).toEqual([expect.objectContaining({ kind: 'ackLate', phase: 'ack' })]);
    expect(upload.state).toBe('aborted');
    expect(upload.listeners).toBe(0);
    expect(time.timers).toBe(0);
  });

  test('are waited for anew with each one that comes', () => {
    const { time, upload, recording, failures } = begin({ tty: false });
    for (let turn = 0; turn < 5; turn++) {
      time.pass(20_000);
      recording.output('stdout', Buffer.from('x'));
      upload.acknowledge(1);
    }
    expect(failures).toEqual([]);
    time.pass(30_000);
    expect(failures).toHaveLength(1);
  });

  test('are not missed when nothing waits', () => {
    const { time, upload, recording, failures } = begin({ tty: false });
    upload.acknowledge();
    time.pass(1_000_000);
    recording.output('stdout', Buffer.from('x'));
    time.pass(29_999);
    expect(failures).toEqual([]);
    time.pass(1);
    expect(failures).toHaveLength(1);
  });
});

test('what waits for an ack is told with the age of the oldest of it', () => {
  const { time, upload, recording } = begin();
  expect(recording.unacked).toEqual({ bytes: 0, ageMs: 0 });
  recording.resize(SIZE);
  upload.acknowledge();
  time.pass(100);
  recording.output('stdout', Buffer.from('x'));
  const { length } = upload.text.split('\n')[1] ?? '';
  time.pass(250);
  expect(recording.unacked).toEqual({ bytes: length + 1, ageMs: 250 });
  upload.acknowledge();
  expect(recording.unacked).toEqual({ bytes: 0, ageMs: 0 });
});

describe('the end', () => {
  test('sums the recording up', async () => {
    const { time, upload, recording } = begin();
    recording.resize(SIZE);
    recording.output('stdout', Buffer.from('out'));
    recording.output('stderr', Buffer.from('error'));
    expect(recording.summary().complete).toBe(false);
    const end = recording.end();
    expect(recording.end()).toBe(end);
    expect(await end).toEqual({
      recorder: 'recorder:80',
      castBytes: Buffer.byteLength(upload.text),
      events: 2,
      streams: {
        stdout: { bytes: 3, sha256: createHash('sha256').update('out').digest('hex') },
        stderr: { bytes: 5, sha256: createHash('sha256').update('error').digest('hex') },
      },
      gaps: [],
      complete: true,
      part: {
        id: expect.stringMatching(/\.1$/),
        bytes: Buffer.byteLength(upload.text),
        sha256: createHash('sha256').update(upload.text).digest('hex'),
      },
      confirmed: { offset: Buffer.byteLength(upload.text), atMs: expect.any(Number) },
    });
    expect(recording.summary()).toEqual(await end);
    expect(upload.listeners).toBe(0);
    expect(time.timers).toBe(0);
  });

  test('rejects, and tells nobody else, when the last answer is bad B065', async () => {
    const { time, upload, recording, failures } = begin();
    upload.endsWith = failure('refused', 'finalise');
    recording.resize(SIZE);
    recording.output('stdout', Buffer.from('sure'));
    time.pass(100);
    upload.acknowledge();
    const { length } = upload.text;
    recording.output('stdout', Buffer.from('perhaps'));
    time.pass(50);
    await expect(recording.end()).rejects.toBe(upload.endsWith);
    expect(failures).toEqual([]);
    expect(recording.summary()).toMatchObject({
      complete: false,
      gaps: [{ fromMs: 100, toMs: 150, bytes: 7 }],
      part: { bytes: upload.text.length },
      confirmed: { offset: length, atMs: 1_767_225_600_100 },
    });
  });

  test('rejects with what had failed before', async () => {
    const { upload, recording, failures } = begin();
    const error = upload.fail();
    expect(failures).toEqual([error]);
    upload.fail();
    expect(failures).toEqual([error]);
    await expect(recording.end()).rejects.toBe(error);
    recording.giveUp();
    expect(recording.output('stdout', Buffer.from('x'))).toBe(true);
    expect(upload.text).toBe('');
  });

  test('of a lost one that nobody takes over tells what was not confirmed, once', () => {
    const { time, upload, recording } = begin();
    recording.resize(SIZE);
    upload.acknowledge();
    time.pass(20);
    recording.output('stdout', Buffer.from('lost'));
    upload.fail();
    time.pass(30);
    recording.abort();
    recording.abort();
    const { gaps, confirmed, part } = recording.summary();
    expect(gaps).toEqual([{ fromMs: 20, toMs: 50, bytes: 4 }]);
    expect(confirmed?.offset).toBe(upload.text.indexOf('\n') + 1);
    expect(part?.bytes).toBe(upload.text.length);
  });

  test.each([true, false])('of an aborted recording is no end (tty %s)', async tty => {
    const { time, upload, recording, failures } = begin({ tty });
    recording.output('stdout', Buffer.from('x'));
    recording.abort();
    recording.abort();
    expect(upload.state).toBe('aborted');
    recording.output('stdout', Buffer.from('y'));
    recording.resize(SIZE);
    await expect(recording.end()).rejects.toMatchObject({ kind: 'reset' });
    expect(recording.summary()).toMatchObject({
      complete: false,
      streams: { stdout: { bytes: 2 } },
      gaps: [{ fromMs: 0, bytes: 1 }],
    });
    expect(failures).toEqual([]);
    expect(time.timers).toBe(0);
    expect(upload.listeners).toBe(0);
  });
});
