import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { CastSubject } from '../../../src/recording/cast.ts';
import { connectRecorder } from '../../../src/recording/connect.ts';
import { Recording } from '../../../src/recording/recording.ts';
import type { FakeRecorder } from './fake-recorders.ts';
import { startV1, startV2 } from './fake-recorders.ts';

const SUBJECT: CastSubject = {
  command: ['cat', 'big'],
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

async function record(fake: FakeRecorder, chunks: number): Promise<{ recording: Recording; paused: number }> {
  const upload = await connectRecorder(fake.address);
  const recording = new Recording({
    subject: SUBJECT,
    tty: false,
    upload,
    clock: systemClock,
    whenFull: 'pause',
  });
  let paused = 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    if (recording.output('stdout', Buffer.alloc(16_384, `${chunk}é\n`))) continue;
    paused++;
    await new Promise<void>(resolve => recording.once('drain', resolve));
  }
  return { recording, paused };
}

describe('a recording from end to end', () => {
  test.each([
    ['v2', startV2],
    ['v1', startV1],
  ])('8 MiB over %s: paused at the bound, complete at the recorder', async (_protocol, start) => {
    const fake = await start();
    const { recording, paused } = await record(fake, 512);
    const summary = await recording.end();
    expect(summary).toMatchObject({ complete: true, castBytes: fake.seen.bytes });
    expect(paused).toBeGreaterThan(0);
    const lines = fake.seen.body.toString().split('\n');
    expect(lines).toHaveLength(1 + summary.events + 1);
    const text = lines
      .slice(1, -1)
      .map(line => (JSON.parse(line) as unknown[])[2])
      .join('');
    expect(text.startsWith('0é\n0é\n')).toBe(true);
    await fake.seen.hasNoSockets();
  });

  test('a recorder that stops reading is found out without new output B064', async () => {
    const { address, seen } = await startV2({ windowBytes: 100_000, onUpload: stream => stream.write('{}') });
    const upload = await connectRecorder(address);
    const recording = new Recording({
      subject: SUBJECT,
      tty: false,
      upload,
      clock: systemClock,
      whenFull: 'pause',
      limits: { maxUnackedMs: 100 },
    });
    const failed = new Promise(resolve => recording.once('failed', resolve));
    recording.output('stdout', Buffer.alloc(200_000, 'x'));
    expect(await failed).toMatchObject({ kind: 'ackLate', phase: 'ack', recorder: address });
    await seen.hasNoSockets();
    expect(seen.ended).toBe(false);
  });

  test('a recording that is given up leaves no complete body behind', async () => {
    const fake = await startV2();
    const { recording } = await record(fake, 4);
    if (fake.seen.bytes === 0) await once(fake.seen, 'bytes');
    recording.abort();
    await fake.seen.isOver();
    expect(fake.seen).toMatchObject({ ended: false, cut: true });
  });
});
