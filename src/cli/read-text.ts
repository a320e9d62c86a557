import { readFileSync } from 'node:fs';
import { FROM_ENVIRONMENT } from '../config/fields.ts';
import { messageOf } from '../errors.ts';

/** Reads a file, or a variable of the environment (`env:NAME`), or says in one line which and why not. */
export function readText(file: string): string {
  if (file.startsWith(FROM_ENVIRONMENT)) {
    const value = process.env[file.slice(FROM_ENVIRONMENT.length)];
    if (value === undefined) throw new Error(`cannot read ${file}: there is no such variable`);
    return value;
  }
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = code === 'ENOENT' ? 'no such file' : messageOf(error);
    throw new Error(`cannot read ${file}: ${why}`, { cause: error });
  }
}
