import { readFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';

/** Reads a file, or says in one line which and why not. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = code === 'ENOENT' ? 'no such file' : messageOf(error);
    throw new Error(`cannot read ${file}: ${why}`, { cause: error });
  }
}
