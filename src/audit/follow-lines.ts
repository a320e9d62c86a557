import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';

/** Looked at this often: a file tells nobody in a way that works on every file system. */
const POLL_MS = 200;
const CHUNK_BYTES = 64 * 1024;

/** Lines that are appended to a file from now on, over its rotations too. Ends with the signal. */
export async function* followLines(file: string, signal: AbortSignal): AsyncGenerator<string> {
  let handle = await open(file, 'r');
  let position = (await handle.stat()).size;
  let rest = '';
  let decoder = new StringDecoder('utf8');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  try {
    while (!signal.aborted) {
      // Asked for before the read: what was appended before the rotation is read then.
      const rotated = await isRotated(handle, file);
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
      position += bytesRead;
      if (bytesRead > 0) {
        const lines = (rest + decoder.write(chunk.subarray(0, bytesRead))).split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
      } else if (rotated) {
        await handle.close();
        handle = await open(file, 'r');
        [position, rest, decoder] = [0, '', new StringDecoder('utf8')];
      } else {
        await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  } finally {
    await handle.close();
  }
}

async function isRotated(handle: FileHandle, file: string): Promise<boolean> {
  const [ours, theirs] = await Promise.all([handle.stat(), stat(file).catch(() => undefined)]);
  return theirs !== undefined && theirs.ino !== ours.ino;
}
