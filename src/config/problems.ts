/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** As `grants[0].recorderAddrs[1]`; empty for the whole file. */
  readonly path: string;
  /** Counted from 1. Missing when the file has no such place. */
  readonly line?: number;
  readonly message: string;
}

/** Everything that is wrong with a configuration, at once. The message has one line for each problem. */
export class ConfigError extends Error {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(problems.map(problem => asLine(file, problem)).join('\n'));
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

/** Writes a path of keys and indexes as people write it. */
export function writePath(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

/** `FILE:LINE: PATH: message`, leaving out what is not known. */
function asLine(file: string, { path, line, message }: ConfigProblem): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return [place, ...(path === '' ? [] : [path]), message].join(': ');
}
