import type { z } from 'zod';
import { duplicateTokens } from './duplicate-tokens.ts';
import type { ConfigProblem } from './problems.ts';
import { ConfigError, writePath } from './problems.ts';
import type { Config } from './schema.ts';
import { configSchema } from './schema.ts';
import type { ConfigSource } from './source.ts';
import { readYaml } from './source.ts';

/**
 * Reads a configuration. `file` is its name, for messages. Files that it names are neither read nor resolved here.
 * Throws a ConfigError that lists every problem, in the order of the file, and never repeats a token.
 */
export function parseConfig(text: string, file: string): Config {
  const source = readYaml(text);
  if (!source.readable) throw new ConfigError(file, source.problems);
  const parsed = configSchema.safeParse(source.value);
  const problems = [
    ...source.problems,
    ...(parsed.error?.issues ?? []).flatMap(issue => problemsOf(issue, source)),
    ...duplicateTokens(source),
  ];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new ConfigError(
    file,
    problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  );
}

function problemsOf(issue: z.core.$ZodIssue, source: ConfigSource): ConfigProblem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({
      path: writePath([...path, key]),
      ...lineIfKnown(source.lineOfKey(path, key)),
      message: 'there is no such field',
    }));
  }
  const missing = issue.code === 'invalid_type' && path.length > 0 && !source.has(path);
  return [
    {
      path: writePath(path),
      ...lineIfKnown(source.lineOf(path)),
      message: missing ? 'is missing' : issue.message,
    },
  ];
}

function lineIfKnown(line: number | undefined): { line?: number } {
  return line === undefined ? {} : { line };
}
