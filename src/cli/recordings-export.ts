import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { MAX_EXPORTED_BYTES } from '../live/recordings-reader.ts';
import { replaceFile } from '../recorder/durable-file.ts';
import { exportPage } from '../recorder/export-page.ts';
import type { Manifest } from '../recorder/manifest.ts';
import { joined } from './recordings-join.ts';
import { print } from './recordings-read.ts';
import { type FolderSource, findRecordings, openFolder } from './recordings-source.ts';

interface ExportOptions {
  readonly dir?: string;
  readonly out?: string;
}

export async function exportRecording(id: string, { dir, out }: ExportOptions): Promise<void> {
  if (out === undefined) throw new Error('--out is missing: the page to write');
  const source = await openFolder(dir);
  const found = await findRecordings(source, id);
  const cast = await textOf(await castOf(source, found));
  const manifests: Manifest[] = [];
  for (const manifest of found) manifests.push((await source.get(manifest.id)) ?? manifest);
  await replaceFile(out, exportPage({ cast, manifests, player: await readPlayer() }));
  await print(`${out} written\n`);
}

async function castOf(source: FolderSource, found: readonly Manifest[]): Promise<Readable> {
  const [first, ...others] = found;
  if (others.length > 0) return joined(source, found);
  const cast = first === undefined ? undefined : await source.openCast(first.id);
  if (cast === undefined) throw new Error('the cast is missing');
  return cast;
}

/** Rejects what is too large for a page. */
export async function textOf(cast: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of cast) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a read without an encoding gave no bytes');
    bytes += chunk.length;
    if (bytes > MAX_EXPORTED_BYTES)
      throw new Error(`the cast is larger than ${MAX_EXPORTED_BYTES} bytes: use cat or join`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export async function readPlayer(): Promise<{ script: string; style: string }> {
  const { resolve } = createRequire(import.meta.url);
  const read = (file: string): Promise<string> =>
    readFile(resolve(`asciinema-player/dist/bundle/${file}`), 'utf8');
  return { script: await read('asciinema-player.min.js'), style: await read('asciinema-player.css') };
}
