import { createReadStream, existsSync } from 'node:fs';
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

/** Every line of every file of an audit. */
export async function* auditLines(file: string): AsyncGenerator<FileLine> {
  for (const part of auditFiles(file)) yield* linesOf(part);
}

async function* linesOf(file: string): AsyncGenerator<FileLine> {
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: 0 })) {
    yield { file, number: ++number, text };
  }
}
