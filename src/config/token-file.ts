import { isToken } from '../upstream/kubeconfig.ts';

/**
 * The bearer token that a file holds, without blanks around it. Throws one line that names the file, and never the token,
 * for what cannot stand in a header: an emptied file must not become a token that nobody can show.
 */
export function tokenIn(file: string, readText: (file: string) => string): string {
  const token = readText(file).trim();
  if (isToken(token)) return token;
  throw new Error(`cannot use ${file}: it must hold one token, of visible ASCII characters without blanks`);
}
