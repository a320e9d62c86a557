import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Recordings hold what people typed and saw: nobody but owner and group reads them. */
export const FILE_MODE = 0o640;
export const FOLDER_MODE = 0o750;

/** Calls `took` after each write with the bytes that the file now has, so that a count stays exact if a later one fails. */
export async function writeAll(
  handle: FileHandle,
  bytes: Buffer,
  took?: (written: Buffer) => void,
): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.write(rest, 0, rest.length);
    took?.(rest.subarray(0, bytesWritten));
    rest = rest.subarray(bytesWritten);
  }
}

/** A reader sees the old file or the new one, also after a power cut: temporary name, fsync, rename, fsync of the folder. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  const handle = await open(part, 'w', FILE_MODE);
  try {
    await writeAll(handle, Buffer.from(text, 'utf8'));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, path);
  await syncFolder(dirname(path));
}

/** Makes renames below `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
