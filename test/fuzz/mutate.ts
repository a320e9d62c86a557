import type { Random } from '../soak/random.ts';
import { CHARSET } from './subject.ts';

type Change = (input: Buffer, random: Random, words: readonly string[], pool: readonly Buffer[]) => Buffer;

/** Bytes at which readers turn round: limits of lengths, of signs, of text. */
const ODD_BYTES = [0, 1, 9, 10, 13, 32, 34, 37, 44, 47, 58, 92, 125, 126, 127, 128, 255];

function place(input: Buffer, random: Random): number {
  return random.int(0, input.length);
}

function put(input: Buffer, at: number, dropped: number, bytes: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, at), bytes, input.subarray(at + dropped)]);
}

function part(input: Buffer, random: Random): Buffer {
  const from = place(input, random);
  return input.subarray(from, from + random.int(1, 40));
}

const CHANGES: readonly Change[] = [
  // A bit, a byte, an odd byte.
  (input, random) => {
    const at = place(input, random);
    return put(input, at, 1, Buffer.of((input[at] ?? 0) ^ (1 << random.int(0, 7))));
  },
  (input, random) => put(input, place(input, random), random.int(0, 1), Buffer.of(random.int(0, 255))),
  (input, random) => put(input, place(input, random), random.int(0, 1), Buffer.of(random.pick(ODD_BYTES))),
  // Some bytes fewer, an end that is missing.
  (input, random) => put(input, place(input, random), random.int(1, 16), Buffer.alloc(0)),
  (input, random) => input.subarray(0, place(input, random)),
  // Twice, elsewhere, very often.
  (input, random) => put(input, place(input, random), 0, part(input, random)),
  (input, random) => put(input, place(input, random), random.int(1, 40), part(input, random)),
  (input, random) => {
    const piece = part(input, random).subarray(0, random.int(1, 4));
    return put(
      input,
      place(input, random),
      0,
      Buffer.concat(Array.from({ length: random.int(2, 1500) }, () => piece)),
    );
  },
  // A word of the language; a piece of another input.
  (input, random, words) =>
    put(input, place(input, random), random.int(0, 6), Buffer.from(random.pick(words), CHARSET)),
  (input, random, words) => put(input, place(input, random), 0, Buffer.from(random.pick(words), CHARSET)),
  (input, random, _words, pool) =>
    pool.length === 0
      ? input
      : put(input, place(input, random), random.int(0, 40), part(random.pick(pool), random)),
];

/** One to four changes, one after the other. */
export function mutate(
  input: Buffer,
  words: readonly string[],
  pool: readonly Buffer[],
  random: Random,
): Buffer {
  let changed = input;
  for (let left = random.int(1, 4); left > 0; left--)
    changed = random.pick(CHANGES)(changed, random, words, pool);
  return changed;
}
