import type { SourceName } from './identity-schema.ts';
import { SOURCE_NAMES } from './identity-schema.ts';

/** Sources that go by a bearer token. In `noauth` that token is the API server's business, and goes there as it came. */
const BY_TOKEN: readonly SourceName[] = ['static', 'tokenReview'];

interface Settings {
  readonly upstream: { readonly mode: 'auth' | 'noauth' };
  readonly identity: Readonly<Partial<Record<SourceName, unknown>>>;
  readonly grants: readonly { readonly impersonate?: unknown; readonly impersonateAs?: unknown }[];
}

/** What a configuration says that would have no effect in `noauth`, or would give a secret away. */
export function noauthProblems({
  upstream,
  identity,
  grants,
}: Settings): { readonly path: (string | number)[]; readonly message: string }[] {
  if (upstream.mode === 'auth') return [];
  const sources = SOURCE_NAMES.filter(name => BY_TOKEN.includes(name) && identity[name] !== undefined);
  return [
    ...sources.map(name => ({
      path: ['identity', name],
      message: 'goes with upstream.mode auth only: in noauth the bearer token is sent on to the API server',
    })),
    ...grants.flatMap((grant, at) =>
      (['impersonate', 'impersonateAs'] as const)
        .filter(name => grant[name] !== undefined)
        .map(name => ({
          path: ['grants', at, name],
          message: 'goes with upstream.mode auth only: in noauth nobody is impersonated by the proxy',
        })),
    ),
  ];
}
