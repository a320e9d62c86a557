import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CastBlocks } from './cast-blocks.ts';
import { CastCheck } from './cast-check.ts';
import { replaceFile } from './durable-file.ts';
import { type Manifest, manifestOf, manifestText } from './manifest.ts';
import { parseStoredName, storedName, timeOfRecording } from './recording-id.ts';

const CUT = 'interrupted: the recorder ended before the upload did';
const UNFILED = 'interrupted: the recorder ended before it wrote the manifest';

/**
 * Finishes what a killed recorder left: every cast keeps all its bytes and gets a manifest that says so. The folder
 * must belong to one recorder process, since a `.part` of a living one looks the same.
 */
export async function recoverFolder(folder: string): Promise<readonly Manifest[]> {
  const names = new Set(await readdir(folder));
  const recovered: Manifest[] = [];
  for (const name of names) {
    if (parseStoredName(name)?.kind === '.json.part') await unlink(join(folder, name));
  }
  for (const name of [...names].sort()) {
    const stored = parseStoredName(name);
    if (stored?.kind === '.cast.part' && !names.has(storedName(stored.id, '.cast'))) {
      await rename(join(folder, name), join(folder, storedName(stored.id, '.cast')));
      recovered.push(await fileManifest(folder, stored.id, CUT));
    } else if (stored?.kind === '.cast' && !names.has(storedName(stored.id, '.json'))) {
      recovered.push(await fileManifest(folder, stored.id, UNFILED));
    }
  }
  return recovered;
}

async function fileManifest(folder: string, id: string, cutReason: string): Promise<Manifest> {
  const file = storedName(id, '.cast');
  const path = join(folder, file);
  const hash = createHash('sha256');
  const check = new CastCheck();
  const blocks = new CastBlocks();
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError(`${file}: a read without an encoding gave no bytes`);
    hash.update(chunk);
    check.push(chunk);
    blocks.push(chunk);
    bytes += chunk.length;
  }
  const manifest = manifestOf({
    id,
    file,
    receivedAt: timeOfRecording(id),
    endedAt: (await stat(path)).mtime,
    origin: undefined,
    sha256: hash.digest('hex'),
    bytes,
    report: check.report(),
    blocks: blocks.list(),
    cutReason,
  });
  await replaceFile(join(folder, storedName(id, '.json')), manifestText(manifest));
  return manifest;
}
