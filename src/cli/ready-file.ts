import { rename, writeFile } from 'node:fs/promises';

/** Writes the file whole or not at all, so that whoever waits for it never reads half of it. */
export async function writeReadyFile(file: string, content: object): Promise<void> {
  const partial = `${file}.${process.pid}.part`;
  await writeFile(partial, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await rename(partial, file);
}
