import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import type { Pem, UpstreamEntry } from './entry.ts';
import { UpstreamConfigError } from './entry.ts';

/** Unknown keys are let through: kubectl and cloud tools keep their own beside these. */
const cluster = z.looseObject({
  server: z.string(),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': z.string().optional(),
  'proxy-url': z.string().optional(),
});
const user = z.looseObject({
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.string().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.string().optional(),
  token: z.string().optional(),
  tokenFile: z.string().optional(),
});
const context = z.looseObject({ cluster: z.string(), user: z.string().default('') });
const named = z.looseObject({ name: z.string() });
/** `clusters`, `users` and `contexts` are checked one by one when chosen: a broken entry beside ours is not our matter. */
const kubeconfig = z.looseObject({
  'current-context': z.string().default(''),
  clusters: z.array(named).nullish(),
  users: z.array(named).nullish(),
  contexts: z.array(named).nullish(),
});

type Cluster = z.infer<typeof cluster>;
type User = z.infer<typeof user>;

/** User entries that change who acts or run programs. Ignoring one would act as somebody else than the file says. */
const REFUSED_USER_KEYS: Readonly<Record<string, string>> = {
  exec: 'exec credential plugins are not run; use a token, a tokenFile or a client certificate',
  'auth-provider': 'auth-provider plugins are not run; use a token, a tokenFile or a client certificate',
  username: 'basic authentication is not supported; no current API server accepts it',
  password: 'basic authentication is not supported; no current API server accepts it',
  as: 'impersonation is set per request by kubewitness; give it its own credential',
  'as-groups': 'impersonation is set per request by kubewitness; give it its own credential',
  'as-uid': 'impersonation is set per request by kubewitness; give it its own credential',
  'as-user-extra': 'impersonation is set per request by kubewitness; give it its own credential',
};

/**
 * Reads one context of a kubeconfig (`clientcmd/api/v1.Config`). `file` is its path: relative paths inside count from
 * its folder, and messages name it. Without `context` the file's current-context is taken.
 *
 * @throws UpstreamConfigError with every problem of the chosen entries
 */
export function parseKubeconfig(
  text: string,
  options: { readonly file: string; readonly context?: string },
): UpstreamEntry {
  const { file } = options;
  const config = checked(kubeconfig, parseYaml(text, file), file);
  const contextName = options.context ?? config['current-context'];
  if (contextName === '') {
    throw new UpstreamConfigError([`${file}: no context was chosen and current-context is not set`]);
  }
  const chosen = entryOf(context, config.contexts, { file, list: 'contexts', name: contextName });
  const where = { cluster: `clusters[${chosen.cluster}]`, user: `users[${chosen.user}]` };
  const server = entryOf(cluster, config.clusters, { file, list: 'clusters', name: chosen.cluster });
  // A context may do without a user: the API server then sees an anonymous proxy.
  const identity =
    chosen.user === ''
      ? user.parse({})
      : entryOf(user, config.users, { file, list: 'users', name: chosen.user });
  const problems: string[] = [];
  const entry = {
    ...readCluster(server, file, where.cluster, problems),
    ...readUser(identity, file, where.user, problems),
  };
  const url = serverUrl(server.server, `${file}: ${where.cluster}.server`, problems);
  if (url === undefined || problems.length > 0) throw new UpstreamConfigError(problems);
  return { server: url, ...entry };
}

function parseYaml(text: string, file: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const problems = document.errors.map(error => {
    const { line } = lineCounter.linePos(error.pos[0]);
    // Behind a colon the parser quotes what it met, which can be a token.
    return `${file}:${line}: ${error.message.split(':', 1)[0]}`;
  });
  if (problems.length > 0) throw new UpstreamConfigError(problems);
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that would unfold without end.
    throw new UpstreamConfigError([`${file}: the YAML cannot be read`], { cause: error });
  }
}

function entryOf<T>(
  schema: z.ZodType<T>,
  list: readonly z.infer<typeof named>[] | null | undefined,
  at: { readonly file: string; readonly list: 'clusters' | 'users' | 'contexts'; readonly name: string },
): T {
  const entry = (list ?? []).find(({ name }) => name === at.name);
  if (entry === undefined) {
    const known = (list ?? []).map(({ name }) => name).join(', ');
    throw new UpstreamConfigError([
      `${at.file}: ${at.list} has no entry ${at.name} (it has: ${known === '' ? 'none' : known})`,
    ]);
  }
  const key = at.list.slice(0, -1);
  return checked(schema, entry[key] ?? {}, `${at.file}: ${at.list}[${at.name}].${key}`);
}

function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UpstreamConfigError(
    result.error.issues.map(({ path, message }) =>
      path.length === 0 ? `${where}: ${message}` : `${where}: ${path.join('.')}: ${message}`,
    ),
  );
}

function serverUrl(text: string, where: string, problems: string[]): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    problems.push(`${where}: "${text}" is not an http or https URL`);
    return undefined;
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    problems.push(`${where}: a server URL has no user, query or fragment`);
  }
  return url;
}

function readCluster(entry: Cluster, file: string, where: string, problems: string[]) {
  const ca = pemOf(entry, 'certificate-authority', file, where, problems);
  const insecure = entry['insecure-skip-tls-verify'] ?? false;
  if (insecure && ca !== undefined) {
    problems.push(`${file}: ${where}: insecure-skip-tls-verify and certificate-authority exclude each other`);
  }
  if (entry['proxy-url'] !== undefined) {
    problems.push(`${file}: ${where}.proxy-url: an HTTP proxy towards the API server is not supported`);
  }
  const name = entry['tls-server-name'];
  return {
    insecureSkipTlsVerify: insecure,
    ...(ca === undefined ? {} : { ca }),
    ...(name === undefined ? {} : { tlsServerName: name }),
  };
}

function readUser(entry: User, file: string, where: string, problems: string[]) {
  for (const [key, why] of Object.entries(REFUSED_USER_KEYS)) {
    if (entry[key] !== undefined) problems.push(`${file}: ${where}.${key}: ${why}`);
  }
  const clientCert = pemOf(entry, 'client-certificate', file, where, problems);
  const clientKey = pemOf(entry, 'client-key', file, where, problems);
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    problems.push(`${file}: ${where}: client-certificate and client-key belong together, one is missing`);
  }
  const { token, tokenFile } = entry;
  if (token !== undefined && !isToken(token)) {
    problems.push(`${file}: ${where}.token: not a token that fits into a header`);
  }
  return {
    ...(clientCert === undefined ? {} : { clientCert }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(token === undefined ? {} : { token }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(dirname(file), tokenFile) }),
  };
}

/** The `-data` form wins over the file, as in client-go. */
function pemOf(
  entry: Readonly<Record<string, unknown>>,
  key: string,
  file: string,
  where: string,
  problems: string[],
): Pem | undefined {
  const data = entry[`${key}-data`];
  if (typeof data === 'string' && data !== '') {
    const pem = decodeBase64(data);
    if (pem?.includes('-----BEGIN ')) return { pem };
    problems.push(`${file}: ${where}.${key}-data: not PEM in base64`);
    return undefined;
  }
  const path = entry[key];
  return typeof path === 'string' && path !== '' ? { file: resolve(dirname(file), path) } : undefined;
}

/** Strict: Node's own decoder drops what it does not know. */
function decodeBase64(text: string): string | undefined {
  const compact = text.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return undefined;
  return Buffer.from(compact, 'base64').toString('utf8');
}

/** RFC 6750 section 2.1 `b64token` is narrower; API servers take any visible ASCII. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
