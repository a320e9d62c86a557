import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An hour of a busy replica's records; what is below it will fail today. Bytes. */
const LEAST_FREE_BYTES = 64 * 1024 * 1024;
const MIB = 1024 * 1024;

/**
 * Whether records could be appended to this file, without touching it: a proxy may be writing there. Rejects with what
 * the system says.
 */
export async function checkAuditPlace(file: string): Promise<string> {
  const folder = dirname(file);
  await access(folder, constants.W_OK | constants.X_OK);
  try {
    await access(file, constants.R_OK | constants.W_OK);
  } catch (error) {
    // The proxy makes it at its start.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const { bavail, bsize } = await statfs(folder);
  const words = `${Math.floor((bavail * bsize) / MIB)} MiB are free in ${folder}`;
  if (bavail * bsize < LEAST_FREE_BYTES) throw new Error(`only ${words}`);
  return words;
}
