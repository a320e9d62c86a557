import type { CheckResult } from './check.ts';

/**
 * What Kubernetes' own components answer to `?verbose`: a line for each check and one for the whole. `probe` is the name
 * of the endpoint. Excluded checks that there are not are said, since a mistyped name excludes nothing.
 */
export function probeText(
  probe: string,
  results: readonly CheckResult[],
  excluded: { readonly known: readonly string[]; readonly unknown: readonly string[] },
): string {
  const lines = results.map(result =>
    result.ok
      ? `[+]${result.name} ok${result.detail === undefined ? '' : `: ${result.detail}`}`
      : `[-]${result.name} failed: ${result.reason}`,
  );
  return [
    ...lines,
    ...excluded.known.map(name => `[+]${name} excluded: ok`),
    ...(excluded.unknown.length === 0
      ? []
      : [`warn: there is no check to exclude named ${excluded.unknown.map(quoted).join(', ')}`]),
    `${probe} check ${results.every(({ ok }) => ok) ? 'passed' : 'failed'}`,
    '',
  ].join('\n');
}

/** It comes from a query, so it may hold anything. */
function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}
