import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Random } from '../soak/random.ts';
import { Coverage } from './coverage.ts';
import { mutate } from './mutate.ts';
import type { Subject } from './subject.ts';
import { CHARSET } from './subject.ts';

/** Of one input. Longer ones find little more, and slowly. */
const MAX_INPUT_BYTES = 8 * 1024;
/** Of a corpus in the repository. */
const MAX_KEPT = 40;
/** As many of the grammar's inputs are made at once. */
const GENERATED = 50;

export interface FuzzResult {
  readonly inputs: number;
  /** Bytes of the subject's source that ran. */
  readonly reached: number;
  /** What reached something new, beside the corpus. */
  readonly found: readonly Buffer[];
}

/** A file of JSON strings, a line each, a byte a character. */
export function corpusFile({ name }: Pick<Subject, 'name'>): string {
  return fileURLToPath(new URL(`corpus/${name}.jsonl`, import.meta.url));
}

export function readCorpus(subject: Pick<Subject, 'name'>): Buffer[] {
  const file = corpusFile(subject);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '');
  return lines.map(line => Buffer.from(JSON.parse(line), CHARSET));
}

function asLine(input: Buffer): string {
  // Control characters and what is not ASCII are escaped, so that editors and diffs show the line.
  return JSON.stringify(input.toString(CHARSET)).replace(
    /[\x7f-\xff]/g,
    mark => `\\u00${mark.charCodeAt(0).toString(16)}`,
  );
}

export interface FuzzOptions {
  readonly random: Random;
  readonly more: (inputs: number) => boolean;
  /** Looks at what each input reaches. Without it, there is no more than the corpus to change. */
  readonly guided: boolean;
}

/**
 * Tries the corpus, then inputs that are made of it and of the grammar, for as long as `more` says. Whatever reaches
 * source that nothing had reached before is changed further. Rejects with the input at which a property broke.
 */
export async function fuzz(subject: Subject, { random, more, guided }: FuzzOptions): Promise<FuzzResult> {
  const coverage = new Coverage(subject.files);
  const pool = readCorpus(subject);
  const found: Buffer[] = [];
  let inputs = 0;
  const attempt = async (input: Buffer): Promise<void> => {
    inputs++;
    try {
      await subject.check(input);
    } catch (error) {
      throw new Error(failureText(subject, input, error), { cause: error });
    }
    if (!guided || coverage.news() === 0 || inputs <= pool.length) return;
    pool.push(input);
    found.push(input);
  };
  try {
    for (const input of [...pool]) await attempt(input);
    while (more(inputs)) {
      const generated = fc.sample(subject.grammar, { numRuns: GENERATED, seed: random.int(0, 0x7fffffff) });
      for (const base of generated) {
        const start = pool.length === 0 || random.chance(0.3) ? base : random.pick(pool);
        const changed = mutate(start, subject.words, pool, random);
        await attempt(base);
        if (changed.length <= MAX_INPUT_BYTES) await attempt(changed);
      }
    }
    coverage.news();
  } finally {
    coverage.close();
  }
  return { inputs, reached: coverage.bytes, found };
}

function failureText({ name }: Subject, input: Buffer, error: unknown): string {
  return `${name}: ${String(error)}\nadd to test/fuzz/corpus/${name}.jsonl:\n${asLine(input)}`;
}

/** Writes the corpus anew: the shortest inputs first, and only those that reach more than those before them. */
export async function keep(subject: Subject, found: readonly Buffer[]): Promise<void> {
  const coverage = new Coverage(subject.files);
  const kept: Buffer[] = [];
  // What is there already may stand for a fault that was mended: it stays.
  const old = readCorpus(subject);
  for (const input of old) {
    await subject.check(input);
    coverage.news();
  }
  for (const input of found.toSorted((one, other) => one.length - other.length)) {
    await subject.check(input);
    if (coverage.news() > 0 && old.length + kept.length < MAX_KEPT) kept.push(input);
  }
  coverage.close();
  writeFileSync(corpusFile(subject), [...old, ...kept].map(input => `${asLine(input)}\n`).join(''));
}
