import { messageOf } from '../errors.ts';

/** What a step of the start came to. */
export interface Started<T> {
  /** Throws where the step failed: a step that needs it fails with it, and is no problem of its own. */
  readonly value: T;
}

class NeedsFailedStep extends Error {}

/** Everything that keeps the process from starting, at once. The message has a line for each problem. */
export class StartError extends Error {
  constructor(problems: readonly unknown[]) {
    // Two steps can lack the same file.
    const lines = problems.flatMap(problem => messageOf(problem).split('\n'));
    super([...new Set(lines)].join('\n'), { cause: problems.length === 1 ? problems[0] : problems });
    this.name = 'StartError';
  }
}

/** Makes something of each item. @throws StartError with the problems of all that fail */
export function makeEach<Item, Made>(items: readonly Item[], make: (item: Item) => Made): Made[] {
  const problems: unknown[] = [];
  const made = items.flatMap(item => {
    try {
      return [make(item)];
    } catch (error) {
      problems.push(error);
      return [];
    }
  });
  // What only lacks a failed step says nothing new.
  const own = problems.filter(problem => !(problem instanceof NeedsFailedStep));
  if (own.length > 0) throw new StartError(own);
  if (problems.length > 0) throw problems[0];
  return made;
}

/** Makes the parts of something. @throws StartError with the problems of all that fail */
export function together<Parts extends object>(
  makers: { readonly [Name in keyof Parts]: () => Parts[Name] },
): Parts {
  const made: Partial<Parts> = {};
  const names: (keyof Parts)[] = [];
  for (const name in makers) names.push(name);
  makeEach(names, name => {
    made[name] = makers[name]();
  });
  // Each name has been made, or makeEach has thrown.
  return made as Parts;
}

/** Takes the steps of a start one after another, also past one that fails, so that all problems are told at once. */
export class StartProblems {
  readonly #problems: unknown[] = [];

  async step<T>(run: () => T | Promise<T>): Promise<Started<T>> {
    try {
      const value = await run();
      return { value };
    } catch (error) {
      if (!(error instanceof NeedsFailedStep)) this.#problems.push(error);
      return {
        get value(): T {
          throw new NeedsFailedStep('a step before this one failed', { cause: error });
        },
      };
    }
  }

  /** @throws StartError */
  throwIfAny(): void {
    if (this.#problems.length > 0) throw new StartError(this.#problems);
  }
}
