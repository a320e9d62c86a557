import { createReadStream } from 'node:fs';
import type { Manifest } from '../recorder/manifest.ts';
import { errnoOf } from '../recorder/storage.ts';
import { verifyCast } from '../recorder/verify-cast.ts';
import { print } from './recordings-read.ts';
import { type FolderSource, findRecordings, openFolder } from './recordings-source.ts';

const PAGE = 1000;

/** Prints one line for each fault and a sum; rejects, for exit code 1, when there was a fault. */
export async function verifyRecordings(ids: readonly string[], { dir }: { dir?: string }): Promise<void> {
  const source = await openFolder(dir);
  let checked = 0;
  let faulty = 0;
  for await (const { id } of ids.length === 0 ? all(source) : named(source, ids)) {
    const manifest = await source.get(id);
    // Deleted by retention meanwhile.
    if (manifest === undefined) continue;
    const problems = await verify(source, manifest);
    checked++;
    if (problems.length > 0) faulty++;
    await print(problems.map(problem => `${manifest.file}: ${problem}\n`).join(''));
  }
  await print(`${checked} checked, ${faulty} not as recorded\n`);
  if (faulty > 0) throw new Error(`${faulty} of ${checked} recordings are not as they were recorded`);
}

async function* named(source: FolderSource, ids: readonly string[]): AsyncGenerator<Manifest> {
  for (const id of ids) yield* await findRecordings(source, id);
}

async function* all(source: FolderSource): AsyncGenerator<Manifest> {
  for (let before: string | undefined; ; ) {
    const page = await source.search({ limit: PAGE, ...(before !== undefined && { before }) });
    yield* page.manifests;
    if (page.next === undefined) return;
    before = page.next;
  }
}

async function verify(source: FolderSource, manifest: Manifest): Promise<readonly string[]> {
  try {
    return await verifyCast(manifest, createReadStream(source.reader.castPath(manifest.id)));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return ['the cast is missing'];
    throw error;
  }
}
