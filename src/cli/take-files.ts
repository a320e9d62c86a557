import { messageOf } from '../errors.ts';

/** Texts of files by their names. */
export type Texts = ReadonlyMap<string, string>;

export interface TakenFiles<Made> {
  /** Undefined: none of the new texts could be used. */
  readonly made: Made | undefined;
  readonly texts: Texts;
  readonly taken: readonly string[];
  /** What is wrong with the others, by file. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * Makes a value anew from texts of which some have changed: from all of them, since a certificate and its key go
 * together; and where that fails, from as many as can be used, so that one broken file does not hold back the others.
 */
export function takeFiles<Made>(now: Texts, changed: Texts, make: (texts: Texts) => Made): TakenFiles<Made> {
  const files = [...changed.keys()];
  if (files.length === 0) return { made: undefined, texts: now, taken: [], refused: new Map() };
  const whole = new Map([...now, ...changed]);
  try {
    return { made: make(whole), texts: whole, taken: files, refused: new Map() };
  } catch (error) {
    const [only, another] = files;
    if (only !== undefined && another === undefined) {
      return { made: undefined, texts: now, taken: [], refused: new Map([[only, messageOf(error)]]) };
    }
  }
  let result: TakenFiles<Made> = { made: undefined, texts: now, taken: [], refused: new Map() };
  for (const [file, text] of changed) {
    const one = takeFiles(result.texts, new Map([[file, text]]), make);
    result = {
      made: one.made ?? result.made,
      texts: one.texts,
      taken: [...result.taken, ...one.taken],
      refused: new Map([...result.refused, ...one.refused]),
    };
  }
  return result;
}
