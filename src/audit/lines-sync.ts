import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** Read at once while an audit is gone through. Bytes. */
const CHUNK_BYTES = 1024 * 1024;

/** At the start nothing else runs yet, and the sink's first record must come after what these lead to. */
export function* linesSync(file: string): Generator<string> {
  const fd = openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    // Up to its size, not its end: a device has none.
    for (let left = fstatSync(fd).size; left > 0; ) {
      const read = readSync(fd, chunk, 0, Math.min(left, chunk.length), null);
      if (read === 0) return;
      left -= read;
      const lines = (rest + decoder.write(chunk.subarray(0, read))).split('\n');
      rest = lines.pop() ?? '';
      // No record of ours: nothing of it is kept.
      if (rest.length > CHUNK_BYTES) rest = '';
      yield* lines;
    }
  } finally {
    closeSync(fd);
  }
}
