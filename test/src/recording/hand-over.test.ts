import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CastSubject } from '../../../src/recording/cast.ts';
import type { RecordingOptions } from '../../../src/recording/recording.ts';
import { Recording } from '../../../src/recording/recording.ts';
import { FakeTime } from './fake-time.ts';
import { FakeUpload } from './fake-upload.ts';

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

function begin(options: Partial<RecordingOptions> = {}) {
  const time = new FakeTime();
  const upload = new FakeUpload();
  const recording = new Recording({
    subject: SUBJECT,
    tty: false,
    upload,
    clock: time,
    timers: time,
    whenFull: 'pause',
    ...options,
  });
  let drains = 0;
  recording.on('drain', () => drains++);
  return { time, upload, recording, drains: () => drains };
}

interface Header {
  readonly kubewitness: {
    readonly recordingId: string;
    readonly continues?: { readonly recording: string; readonly offset: number };
  };
}

function headerOf(text: string): Header {
  return JSON.parse(text.slice(0, text.indexOf('\n'))) as Header;
}

/** The events of parts put together by their links alone, as whoever holds the files would. */
function join(parts: readonly string[]): string {
  return parts
    .map((part, at) => {
      const later = parts.slice(at + 1).map(text => headerOf(text).kubewitness.continues);
      const next = later.findLast(link => link?.recording === headerOf(part).kubewitness.recordingId);
      // A part that nobody goes on from, and that is not the last, has left nothing.
      if (next === undefined) return at === parts.length - 1 ? withoutHeader(part) : '';
      return withoutHeader(Buffer.from(part).subarray(0, next.offset).toString());
    })
    .join('');
}

const withoutHeader = (cast: string): string => (cast === '' ? '' : cast.slice(cast.indexOf('\n') + 1));

describe('a recorder is lost and another takes over', () => {
  test('what was not confirmed is said again, and nothing else', () => {
    const { time, upload, recording, drains } = begin();
    recording.output('stdout', Buffer.from('one'));
    upload.acknowledge();
    time.pass(100);
    recording.output('stdout', Buffer.from('two'));
    upload.fail();
    expect(recording.output('stdout', Buffer.from('three'))).toBe(false);
    time.pass(100);
    const next = new FakeUpload();
    expect(recording.moveTo(next)).toBe(undefined);
    expect(drains()).toBe(1);
    recording.output('stdout', Buffer.from('four'));
    expect(next.lines.slice(1)).toEqual([
      [0.1, 'o', 'two'],
      [0.1, 'o', 'three'],
      [0.2, 'o', 'four'],
    ]);
    expect(headerOf(next.text).kubewitness).toMatchObject({
      recordingId: 's.2',
      continues: { recording: 's.1', offset: upload.text.indexOf('[0.1,') },
    });
  });

  test('an ack inside a line confirms the lines before it only', () => {
    const { upload, recording } = begin();
    recording.output('stdout', Buffer.from('first'));
    recording.output('stdout', Buffer.from('second'));
    upload.acknowledge(upload.unackedBytes - 4);
    upload.fail();
    const next = new FakeUpload();
    recording.moveTo(next);
    expect(next.lines.slice(1)).toEqual([[0, 'o', 'second']]);
  });

  test('one that had confirmed nothing leaves nothing standing', () => {
    const { upload, recording } = begin();
    recording.output('stdout', Buffer.from('all'));
    upload.fail();
    const next = new FakeUpload();
    recording.moveTo(next);
    expect(headerOf(next.text).kubewitness.continues).toEqual({ recording: 's.1', offset: 0 });
    expect(next.lines.slice(1)).toEqual([[0, 'o', 'all']]);
  });

  test('the terminal keeps the size it has by then', () => {
    const { time, upload, recording } = begin({ tty: true });
    recording.resize({ cols: 100, rows: 30 });
    upload.acknowledge();
    upload.fail();
    time.pass(1_000);
    recording.giveUp();
    recording.resize({ cols: 120, rows: 40 });
    const next = new FakeUpload();
    recording.moveTo(next);
    expect(next.lines[0]).toMatchObject({ width: 120, height: 40 });
    // Joined, the second header is gone: the events say it too.
    expect(next.lines.slice(1)).toEqual([
      [1, 'm', expect.any(String)],
      [1, 'r', '120x40'],
    ]);
  });

  test('a part that left nothing behind is passed over by the next', () => {
    const { upload, recording } = begin();
    recording.output('stdout', Buffer.from('one'));
    upload.acknowledge();
    upload.fail();
    const nothing = new FakeUpload();
    recording.moveTo(nothing);
    recording.output('stdout', Buffer.from('two'));
    nothing.fail();
    const next = new FakeUpload();
    recording.moveTo(next);
    const { continues } = headerOf(next.text).kubewitness;
    expect(continues).toEqual({ recording: 's.1', offset: Buffer.byteLength(upload.text) });
    expect(next.lines.slice(1)).toEqual([[0, 'o', 'two']]);
  });

  test('a character cut by the hand-over stays whole', () => {
    const { upload, recording } = begin();
    recording.output('stdout', Buffer.from([0xe6, 0xbc]));
    upload.fail();
    const next = new FakeUpload();
    recording.moveTo(next);
    recording.output('stdout', Buffer.from([0xa2]));
    expect(next.lines.at(-1)).toEqual([0, 'o', '漢']);
  });

  test('the end is one: complete, without a gap', async () => {
    const { upload, recording } = begin();
    recording.output('stdout', Buffer.from('x'));
    upload.fail();
    recording.moveTo(new FakeUpload());
    expect(await recording.end()).toMatchObject({ complete: true, gaps: [] });
  });

  test('whatever the acks and the losses, the parts join to the undisturbed cast', () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('output' as const),
          text: fc.string({ unit: 'binary', maxLength: 20 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('ack' as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('resize' as const),
          cols: fc.integer({ min: 1, max: 300 }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('lose' as const), during: fc.string({ maxLength: 5 }) }),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const moved = begin({ limits: { maxUnackedBytes: 1e9, maxResizesPerSecond: 1e9 } });
        const calm = begin({ limits: { maxUnackedBytes: 1e9, maxResizesPerSecond: 1e9 } });
        const uploads = [moved.upload];
        for (const action of steps) {
          const current = uploads.at(-1) ?? moved.upload;
          if (action.kind === 'output') {
            for (const { recording } of [moved, calm]) recording.output('stdout', Buffer.from(action.text));
          } else if (action.kind === 'resize') {
            for (const { recording } of [moved, calm]) recording.resize({ cols: action.cols, rows: 24 });
          } else if (action.kind === 'ack') {
            current.acknowledge(Math.floor(current.unackedBytes * action.share));
          } else {
            current.fail();
            for (const { recording } of [moved, calm]) recording.output('stderr', Buffer.from(action.during));
            const next = new FakeUpload();
            uploads.push(next);
            moved.recording.moveTo(next);
          }
          for (const { time } of [moved, calm]) time.pass(7);
        }
        expect(join(uploads.map(({ text }) => text))).toBe(withoutHeader(calm.upload.text));
      }),
    );
  });
});

describe('nobody takes over', () => {
  test('giving up lets output flow, and what was not confirmed is part of the gap', () => {
    const { time, upload, recording, drains } = begin();
    recording.output('stdout', Buffer.from('kept'));
    upload.acknowledge();
    time.pass(100);
    recording.output('stdout', Buffer.from('unconfirmed'));
    time.pass(100);
    upload.fail();
    recording.output('stdout', Buffer.from('held'));
    recording.giveUp();
    expect(drains()).toBe(1);
    expect(recording.output('stdout', Buffer.from('unrecorded'))).toBe(true);
    time.pass(300);
    const gap = { fromMs: 100, toMs: 500, bytes: 'unconfirmedheldunrecorded'.length };
    expect(recording.summary().gaps).toEqual([gap]);
    const next = new FakeUpload();
    expect(recording.moveTo(next)).toEqual(gap);
    recording.output('stdout', Buffer.from('again'));
    expect(next.lines.slice(1)).toEqual([
      [0.5, 'm', expect.stringContaining(`${gap.bytes} bytes`)],
      [0.5, 'o', 'again'],
    ]);
    expect(headerOf(next.text).kubewitness.continues?.offset).toBe(upload.text.indexOf('[0.1,'));
  });

  test('a recording with a gap is never complete', async () => {
    const { upload, recording } = begin();
    upload.fail();
    recording.giveUp();
    recording.output('stdout', Buffer.from('lost'));
    recording.moveTo(new FakeUpload());
    expect(await recording.end()).toMatchObject({ complete: false, gaps: [{ bytes: 4 }] });
  });

  test('a session that began without a recorder has its first part once one comes', () => {
    const time = new FakeTime();
    const recording = new Recording({
      subject: SUBJECT,
      tty: false,
      clock: time,
      timers: time,
      whenFull: 'fail',
    });
    expect(recording.output('stdout', Buffer.from('early'))).toBe(true);
    time.pass(2_000);
    const upload = new FakeUpload();
    expect(recording.moveTo(upload)).toEqual({ fromMs: 0, toMs: 2_000, bytes: 5 });
    expect(headerOf(upload.text).kubewitness).toMatchObject({ recordingId: 's.1' });
    expect(headerOf(upload.text).kubewitness.continues).toBe(undefined);
  });

  test('an end without a recorder is no end', async () => {
    const { upload, recording } = begin();
    const error = upload.fail();
    await expect(recording.end()).rejects.toBe(error);
  });
});
