import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { partOf } from './byte-range.ts';
import { type Hold, readHold } from './hold.ts';
import type { RecorderLog } from './log.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { isRecordingId, parseStoredName, storedName } from './recording-id.ts';
import type { ManifestSource } from './recording-index.ts';
import { errnoOf, type StoredCast, storageErrorOf } from './storage.ts';
import { wholeLineBytes } from './whole-lines.ts';

/** Reads a folder of recordings and changes nothing in it: safe beside the recorder that writes there. */
export class FolderReader implements ManifestSource {
  readonly folder: string;
  readonly #log: RecorderLog;

  constructor(folder: string, log: RecorderLog) {
    this.folder = folder;
    this.#log = log;
  }

  async idsBefore(before: string | undefined, count: number): Promise<readonly string[]> {
    try {
      const ids: string[] = [];
      for (const name of await readdir(this.folder)) {
        const stored = parseStoredName(name);
        if (stored?.kind === '.json' && (before === undefined || stored.id < before)) ids.push(stored.id);
      }
      return ids.sort().reverse().slice(0, count);
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  async get(id: string): Promise<Manifest | undefined> {
    if (!isRecordingId(id)) return undefined;
    try {
      const file = storedName(id, '.json');
      const manifest = parseManifest(await readFile(join(this.folder, file), 'utf8'));
      if (manifest === undefined) this.#log.warn({ file }, 'a manifest cannot be read');
      return manifest;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw storageErrorOf(error);
    }
  }

  async openCast(id: string, range?: string): Promise<StoredCast | undefined> {
    if (!isRecordingId(id)) return undefined;
    try {
      const handle = await open(join(this.folder, storedName(id, '.cast')), 'r');
      try {
        const { size } = await handle.stat();
        const bytes = await wholeLineBytes(size, async (start, length) => {
          const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, start);
          return buffer.subarray(0, bytesRead);
        });
        const part = partOf(range, bytes);
        const said = part === undefined ? {} : { part };
        if (bytes > 0 && part !== 'none') {
          const { first, length } = part ?? { first: 0, length: bytes };
          const body = handle.createReadStream({ start: first, end: first + length - 1 });
          return { bytes, ...said, body };
        }
        await handle.close();
        return { bytes, ...said, body: Readable.from([]) };
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw storageErrorOf(error);
    }
  }

  /** The path of the cast as it is, a torn last line included. */
  castPath(id: string): string {
    return join(this.folder, storedName(id, '.cast'));
  }

  async hold(id: string): Promise<Hold | undefined> {
    try {
      return await readHold(this.folder, id);
    } catch (error) {
      throw storageErrorOf(error);
    }
  }
}
