import { systemClock } from '../clock.ts';
import { placeHold, releaseHold } from '../recorder/hold.ts';
import { print } from './recordings-read.ts';
import { findRecordings, openFolder } from './recordings-source.ts';

interface HoldOptions {
  readonly dir?: string;
  readonly reason?: string;
}

/** All parts, when a session is named. */
export async function holdRecording(id: string, { dir, reason }: HoldOptions): Promise<void> {
  if (reason === undefined || reason.trim() === '')
    throw new Error('--reason is missing: why it must be kept');
  const source = await openFolder(dir);
  const since = new Date(systemClock.now()).toISOString();
  for (const manifest of await findRecordings(source, id)) {
    await placeHold(source.reader.folder, manifest.id, { reason, since });
    await print(`${manifest.id} is on hold\n`);
  }
}

export async function releaseRecording(id: string, { dir }: { dir?: string }): Promise<void> {
  const source = await openFolder(dir);
  for (const manifest of await findRecordings(source, id)) {
    const held = await releaseHold(source.reader.folder, manifest.id);
    await print(`${manifest.id} ${held ? 'is released' : 'was not on hold'}\n`);
  }
}
