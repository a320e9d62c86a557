import { messageOf, WitnessError } from '../errors.ts';

/** Loads an optional dependency; the error names the package, because npm leaves it out silently where it cannot build. */
export async function optionalPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new WitnessError(
      'KW_INTERNAL',
      `the sandbox needs the optional package ${name}, which could not be loaded (${messageOf(cause)}): npm install ${name}`,
      { cause },
    );
  }
}
