import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { rotatedSegments } from './segments.ts';

export interface FileLine {
  readonly file: string;
  /** From 1, within the file. */
  readonly number: number;
  readonly text: string;
}

/** An audit's files in the order of its chain: rotated ones, then the live one. Throws when there are none. */
export function auditFiles(file: string): string[] {
  const files = rotatedSegments(file);
  if (existsSync(file)) files.push(file);
  if (files.length === 0) throw new Error(`${file}: no such audit`);
  return files;
}

/** Every line of every file of an audit; files that were put aside before `sinceMs` are passed over. */
export async function* auditLines(
  file: string,
  sinceMs = Number.NEGATIVE_INFINITY,
): AsyncGenerator<FileLine> {
  for (const part of auditFiles(file)) {
    // Nothing is added to a file that was put aside: its last change is not before its last record.
    if (part !== file && (await lastChangeMs(part)) < sinceMs) continue;
    yield* linesOf(part);
  }
}

/** A file that is gone meanwhile says so when it is read. */
async function lastChangeMs(file: string): Promise<number> {
  return (await stat(file)).mtimeMs;
}

async function* linesOf(file: string): AsyncGenerator<FileLine> {
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: 0 })) {
    yield { file, number: ++number, text };
  }
}
