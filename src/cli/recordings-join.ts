import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { joinCasts } from '../recorder/join-casts.ts';
import { planJoin } from '../recorder/join-parts.ts';
import type { Manifest } from '../recorder/manifest.ts';
import { type FolderSource, findRecordings, openFolder } from './recordings-source.ts';

interface JoinOptions {
  readonly dir?: string;
  readonly out?: string;
}

export async function joinRecordings(session: string, { dir, out }: JoinOptions): Promise<void> {
  const source = await openFolder(dir);
  const cast = joined(source, await findRecordings(source, session));
  if (out === undefined) {
    await pipeline(cast, process.stdout, { end: false });
    return;
  }
  const part = `${out}.part`;
  try {
    await pipeline(cast, createWriteStream(part, { mode: 0o640 }));
    await rename(part, out);
  } finally {
    await rm(part, { force: true });
  }
}

/** The one cast of a session, whose parts these are. Errs while it is read when they do not fit. */
export function joined(source: FolderSource, manifests: readonly Manifest[]): Readable {
  const segments = planJoin(manifests);
  if (typeof segments === 'string') throw new Error(segments);
  return Readable.from(joinCasts(segments, (id, end) => openPart(source, id, end)));
}

async function openPart(source: FolderSource, id: string, end: number | undefined): Promise<Readable> {
  if (end !== undefined) return createReadStream(source.reader.castPath(id), { end: end - 1 });
  const cast = await source.openCast(id);
  if (cast === undefined) throw new Error(`the cast of ${id} is missing`);
  return cast;
}
