import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { FolderReader } from '../../../src/recorder/folder-reader.ts';
import { joinCasts } from '../../../src/recorder/join-casts.ts';
import { planJoin } from '../../../src/recorder/join-parts.ts';
import type { Manifest } from '../../../src/recorder/manifest.ts';
import { RecordingIndex } from '../../../src/recorder/recording-index.ts';
import { connectRecorder } from '../../../src/recording/connect.ts';
import { Recording } from '../../../src/recording/recording.ts';
import { HeardLog, running } from './harness.ts';

const SUBJECT = {
  command: ['sh'],
  srcNode: '',
  srcNodeID: '',
  kubernetes: { PodName: 'p', Namespace: 'd', Container: 'c', SessionType: 'exec' },
  kubewitness: { sessionId: 's', auditId: 's', user: 'u', groups: [], cluster: 'k', subprotocol: 'v5' },
} as const;

test('a session that two recorders had comes out as one cast, nothing lost and nothing twice', async () => {
  const [one, other] = [await running(), await running()];
  const upload = await connectRecorder(`127.0.0.1:${one.recorder.port}`);
  const acked = new Promise<void>(resolve => upload.on('acked', resolve));
  const recording = new Recording({
    subject: SUBJECT,
    tty: false,
    upload,
    clock: systemClock,
    whenFull: 'pause',
  });
  const lost = new Promise<unknown>(resolve => recording.once('failed', resolve));
  for (let chunk = 0; chunk < 50; chunk++) recording.output('stdout', Buffer.from(`${chunk};`));
  await acked;
  const closed = one.recorder.close(0);
  for (let chunk = 50; chunk < 100; chunk++) recording.output('stdout', Buffer.from(`${chunk};`));
  await lost;
  await closed;
  recording.moveTo(await connectRecorder(`127.0.0.1:${other.recorder.port}`));
  for (let chunk = 100; chunk < 150; chunk++) recording.output('stdout', Buffer.from(`${chunk};`));
  await recording.end();

  const paths = new Map<string, string>();
  const manifests: Manifest[] = [];
  for (const { folder } of [one, other]) {
    const storage = new RecordingIndex(new FolderReader(folder, new HeardLog()));
    for (const manifest of (await storage.search({ limit: 9 })).manifests) {
      manifests.push(manifest);
      paths.set(manifest.id, join(folder, manifest.file));
    }
  }
  expect(manifests).toHaveLength(2);
  const plan = planJoin(manifests);
  if (typeof plan === 'string') throw new Error(plan);
  const open = async (id: string, end: number | undefined): Promise<Readable> =>
    createReadStream(paths.get(id) ?? '', end === undefined ? {} : { end: end - 1 });
  const lines = (await text(Readable.from(joinCasts(plan, open)))).trimEnd().split('\n');
  const events: unknown[][] = lines.slice(1).map(line => JSON.parse(line));
  expect(events.map(event => event[2]).join('')).toBe(
    Array.from({ length: 150 }, (_, chunk) => `${chunk};`).join(''),
  );
});
