import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from './cast-header.ts';
import { replaceFile, syncFolder } from './durable-file.ts';
import { storedName } from './recording-id.ts';
import { errnoOf } from './storage.ts';

/** Keeps a recording from retention until it is released: a file beside the cast, so that any process may set it. */
export interface Hold {
  readonly reason: string;
  /** ISO 8601. */
  readonly since: string;
}

/** Undefined: the recording is not held. A hold that cannot be read holds all the same. */
export async function readHold(folder: string, id: string): Promise<Hold | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, storedName(id, '.hold')), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return parseHold(text);
}

export function parseHold(text: string): Hold {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) && typeof value['reason'] === 'string' && typeof value['since'] === 'string') {
      return { reason: value['reason'], since: value['since'] };
    }
  } catch {
    // Said below, like a file of another form.
  }
  return { reason: 'the hold cannot be read', since: '' };
}

export async function placeHold(folder: string, id: string, hold: Hold): Promise<void> {
  await replaceFile(join(folder, storedName(id, '.hold')), `${JSON.stringify(hold)}\n`);
}

/** False when there was none. */
export async function releaseHold(folder: string, id: string): Promise<boolean> {
  try {
    await unlink(join(folder, storedName(id, '.hold')));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  await syncFolder(folder);
  return true;
}
