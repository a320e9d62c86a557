import { createHash } from 'node:crypto';
import type { ConfigProblem } from './problems.ts';
import { writePath } from './problems.ts';
import type { ConfigSource } from './source.ts';

/**
 * Two identities with one token: which of them acts would be chance. Looks at the value before it is known to have the
 * right shape, so that this is told together with everything else. Tokens in files are not seen here.
 */
export function duplicateTokens(source: ConfigSource): ConfigProblem[] {
  const first = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  const entries = field(field(source.value, 'identity'), 'static');
  for (const [at, entry] of (Array.isArray(entries) ? entries : []).entries()) {
    for (const name of ['token', 'tokenSha256'] as const) {
      const value = field(entry, name);
      if (typeof value !== 'string') continue;
      const digest =
        name === 'token' ? createHash('sha256').update(value).digest('hex') : value.toLowerCase();
      const path = ['identity', 'static', at, name];
      const earlier = first.get(digest);
      if (earlier === undefined) {
        first.set(digest, writePath(path));
        continue;
      }
      const line = source.lineOf(path);
      problems.push({
        path: writePath(path),
        ...(line === undefined ? {} : { line }),
        message: `is the same token as ${earlier}`,
      });
    }
  }
  return problems;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return new Map(Object.entries(value)).get(name);
}
