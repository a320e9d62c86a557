import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** `audit.jsonl` and, beside it, `audit-000000004711.jsonl`: named by the `seq` of the last record in them, so they sort. */
const DIGITS = 12;

export function segmentName(file: string, lastSeq: number): string {
  const { stem, extension } = partsOf(file);
  return join(dirname(file), `${stem}-${String(lastSeq).padStart(DIGITS, '0')}${extension}`);
}

/** Rotated files, oldest first. Throws when the folder cannot be read. */
export function rotatedSegments(file: string): string[] {
  const { stem, extension } = partsOf(file);
  return readdirSync(dirname(file))
    .filter(
      name =>
        name.length === stem.length + 1 + DIGITS + extension.length &&
        name.startsWith(`${stem}-`) &&
        name.endsWith(extension) &&
        /^\d+$/.test(name.slice(stem.length + 1, stem.length + 1 + DIGITS)),
    )
    .sort()
    .map(name => join(dirname(file), name));
}

function partsOf(file: string): { stem: string; extension: string } {
  const name = basename(file);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? { stem: name.slice(0, dot), extension: name.slice(dot) } : { stem: name, extension: '' };
}

/** `seq` of the last record in a rotated file. */
export function lastSeqOf(segment: string): number {
  return Number(/-(\d+)(?:\.[^.-]*)?$/.exec(basename(segment))?.[1] ?? Number.NaN);
}
