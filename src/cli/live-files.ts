import { messageOf } from '../errors.ts';
import type { Texts } from './take-files.ts';
import { takeFiles } from './take-files.ts';

/** Reads a file. Throws one line for people. */
export type ReadText = (file: string) => string;

/** What a file held when it was looked at, or why that is not known. */
export type Reading = { readonly text: string } | { readonly problem: string };
export type Readings = ReadonlyMap<string, Reading>;

/** What came of files that have changed: names, and what is wrong with them. */
export interface FilesTaken {
  readonly taken: readonly string[];
  /** Only what was not told before. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * A value that is made from files, and made anew as they rotate. A file that cannot be used leaves what was made before
 * in use.
 */
export class LiveFiles<Made> {
  readonly #make: (read: ReadText) => Made;
  readonly #read: ReadText;
  #made: Made;
  /** What it was made from. */
  #texts: Texts;
  /** What is wrong with files whose new content is not in use. */
  readonly #broken = new Map<string, string>();

  /**
   * `make` reads what it needs, and is called at once, with `first` where that is another. Throws what it throws.
   */
  constructor(make: (read: ReadText) => Made, read: ReadText, first: ReadText = read) {
    this.#make = make;
    this.#read = read;
    const { made, texts } = this.#from(first);
    this.#made = made;
    this.#texts = texts;
  }

  get made(): Made {
    return this.#made;
  }

  get texts(): Texts {
    return this.#texts;
  }

  get problems(): readonly string[] {
    return [...this.#broken.values()];
  }

  look(): Readings {
    return lookAt([...this.#texts.keys()], this.#read);
  }

  /** What is wrong is told once more. */
  tellAgain(): void {
    this.#broken.clear();
  }

  /** Puts in use what can be of what was seen. */
  take(seen: Readings): FilesTaken {
    const changed = new Map<string, string>();
    const problems = new Map<string, string>();
    const mended: string[] = [];
    for (const [name, inUse] of this.#texts) {
      const reading = seen.get(name);
      if (reading === undefined) continue;
      if ('problem' in reading) problems.set(name, reading.problem);
      else if (reading.text !== inUse) changed.set(name, reading.text);
      else if (this.#broken.delete(name)) mended.push(name);
    }
    if (changed.size + problems.size === 0) return { taken: mended, refused: problems };
    const result = takeFiles(this.#texts, changed, texts =>
      this.#from(name => texts.get(name) ?? this.#read(name)),
    );
    if (result.made !== undefined) {
      this.#made = result.made.made;
      this.#texts = result.made.texts;
    }
    for (const [name, problem] of result.refused) problems.set(name, problem);
    const refused = [...problems].filter(([name, problem]) => this.#broken.get(name) !== problem);
    for (const name of result.taken) this.#broken.delete(name);
    for (const [name, problem] of problems) this.#broken.set(name, problem);
    return { taken: [...result.taken, ...mended], refused: new Map(refused) };
  }

  #from(read: ReadText): { readonly made: Made; readonly texts: Texts } {
    const texts = new Map<string, string>();
    const made = this.#make(name => {
      const text = texts.get(name) ?? read(name);
      texts.set(name, text);
      return text;
    });
    return { made, texts };
  }
}

export function lookAt(files: readonly string[], read: ReadText): Readings {
  return new Map(files.map(name => [name, readingOf(name, read)]));
}

export function readingOf(name: string, read: ReadText): Reading {
  try {
    return { text: read(name) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** Compared by content: it is all one how a file was replaced. */
export function isSame(one: Reading, other: Reading): boolean {
  return 'text' in one
    ? 'text' in other && one.text === other.text
    : 'problem' in other && one.problem === other.problem;
}
