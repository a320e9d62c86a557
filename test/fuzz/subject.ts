import type { Arbitrary } from 'fast-check';
import fc from 'fast-check';

/** One reader of bytes from outside, and what must hold of it whatever it reads. */
export interface Subject {
  /** Also of its corpus. */
  readonly name: string;
  /** Ends of the paths of its source: inputs that reach more of it are kept and changed further. */
  readonly files: readonly string[];
  /** What its language is made of: put in here and there. */
  readonly words: readonly string[];
  /** Inputs that are nearly right. */
  readonly grammar: Arbitrary<Buffer>;
  /** It takes connections or a disk: in CI it is tried less. */
  readonly slow?: true;
  /** Throws when a property does not hold. */
  check(input: Buffer): void | Promise<void>;
}

/** A byte a character: inputs are told as text. */
export const CHARSET = 'latin1';

export function texts(arbitrary: Arbitrary<string>, charset: BufferEncoding = 'utf8'): Arbitrary<Buffer> {
  return arbitrary.map(text => Buffer.from(text, charset));
}

/** Several of these words, one behind the other. */
export function sentence(words: readonly string[], maxLength = 12): Arbitrary<string> {
  return fc.array(fc.constantFrom(...words), { maxLength }).map(parts => parts.join(''));
}

/** JSON of any shape, in which these keys and values are likely. */
export function json(keys: readonly string[], values: readonly unknown[]): Arbitrary<unknown> {
  const { any } = fc.letrec(tie => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(...values),
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('any'), { maxLength: 3 }),
      fc
        .array(fc.tuple(fc.constantFrom(...keys), tie('any')), { maxLength: 5 })
        .map(pairs => Object.fromEntries(pairs)),
    ),
  }));
  return any;
}

/** What `run` gives; undefined when it throws what it declares to throw. Everything else is thrown on. */
export function declared<Value>(
  run: () => Value,
  isDeclared: (error: unknown) => boolean,
): Value | undefined {
  try {
    return run();
  } catch (error) {
    if (isDeclared(error)) return undefined;
    throw error;
  }
}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** Equal as JSON. */
export function mustEqual(one: unknown, other: unknown, what: string): void {
  const [first, second] = [JSON.stringify(one), JSON.stringify(other)];
  must(first === second, `${what}: ${first} is not ${second}`);
}

/** Cut in up to five pieces, at places that the bytes themselves say. */
export function pieces(input: Buffer): Buffer[] {
  const cuts = [1, 7, 31, 101].map(
    step => (input.reduce((sum, byte) => sum + byte * step, step) >>> 0) % (input.length + 1),
  );
  const places = [0, ...cuts.sort((a, b) => a - b), input.length];
  return places.slice(1).map((end, index) => input.subarray(places[index], end));
}
