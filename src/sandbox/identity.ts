import { createHash, timingSafeEqual } from 'node:crypto';
import type { RawHeaders } from '../headers.ts';
import { badRequest, forbidden, unauthorized } from './failure.ts';

/** Who the API server believes is calling, after impersonation. */
export interface Identity {
  readonly user: string;
  readonly uid: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** A token of somebody else, whom the sandbox knows too. */
export interface Account {
  readonly token: string;
  readonly identity: Identity;
  /** What the token is for; left out: for the API server. */
  readonly audiences?: readonly string[];
}

/** What a token is for when nothing else is said (`--api-audiences`). */
export const API_AUDIENCE = 'https://kubernetes.default.svc';

/** The account that the proxy has the token of. It may impersonate everybody, and have tokens reviewed. */
export const PROXY_ACCOUNT = 'system:serviceaccount:kubewitness:proxy';

/** Values of every line of this name, in order; Node reads header bytes as latin1, Kubernetes as UTF-8. */
export function headerValues(rawHeaders: RawHeaders, name: string): string[] {
  const wanted = name.toLowerCase();
  return rawHeaders
    .filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === wanted)
    .map(value => Buffer.from(value, 'latin1').toString('utf8').trim());
}

/** Whose token that is, if it is for one of these audiences. */
export function accountOf(
  accounts: readonly Account[],
  token: string,
  audiences: readonly string[],
): { readonly identity: Identity; readonly audiences: readonly string[] } | undefined {
  const account = accounts.find(known => sameSecret(known.token, token));
  const shared = (account?.audiences ?? [API_AUDIENCE]).filter(audience => audiences.includes(audience));
  return account === undefined || shared.length === 0
    ? undefined
    : { identity: inStandardGroups(account.identity), audiences: shared };
}

/**
 * @throws ApiFailure 401 without a known token, 400 for impersonation without a user, 403 for impersonation by anybody
 * but the proxy
 */
export function identify(rawHeaders: RawHeaders, token: string, accounts: readonly Account[] = []): Identity {
  const given = /^bearer (.+)$/i.exec(headerValues(rawHeaders, 'authorization')[0] ?? '')?.[1];
  const account = given === undefined ? undefined : accountOf(accounts, given, [API_AUDIENCE]);
  if (account !== undefined) return withoutImpersonation(rawHeaders, account.identity);
  if (given === undefined || !sameSecret(given, token)) throw unauthorized();
  // Only the first line counts, and an empty value is no impersonation at all.
  const user = headerValues(rawHeaders, 'impersonate-user')[0] ?? '';
  const groups = headerValues(rawHeaders, 'impersonate-group');
  const uid = headerValues(rawHeaders, 'impersonate-uid')[0];
  const extra = extraOf(rawHeaders);
  if (user === '') {
    if (groups.length > 0 || (uid ?? '') !== '' || Object.keys(extra).length > 0) {
      throw badRequest('requested impersonation without impersonating a user');
    }
    return { user: PROXY_ACCOUNT, uid: undefined, groups: withStandardGroups(PROXY_ACCOUNT, []), extra: {} };
  }
  return { user, uid, groups: withStandardGroups(user, groups), extra };
}

function withoutImpersonation(rawHeaders: RawHeaders, identity: Identity): Identity {
  const [asked] = headerValues(rawHeaders, 'impersonate-user');
  if (asked === undefined || asked === '') return identity;
  throw forbidden(`User "${identity.user}" cannot impersonate users`);
}

function inStandardGroups(identity: Identity): Identity {
  return { ...identity, groups: withStandardGroups(identity.user, identity.groups) };
}

/** Whether that is the proxy itself, acting as nobody else. */
export function isProxy({ user }: Identity): boolean {
  return user === PROXY_ACCOUNT;
}

/** apiserver's impersonation filter: service accounts get their own groups if none is sent, then everybody is authenticated. */
function withStandardGroups(user: string, groups: readonly string[]): string[] {
  const result = [...groups];
  const account = /^system:serviceaccount:([^:]+):[^:]+$/.exec(user);
  if (account !== null && groups.length === 0) {
    result.push('system:serviceaccounts', `system:serviceaccounts:${account[1] ?? ''}`);
  }
  if (result.includes('system:authenticated') || result.includes('system:unauthenticated')) return result;
  result.push(user === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated');
  return result;
}

function extraOf(rawHeaders: RawHeaders): Record<string, string[]> {
  const prefix = 'impersonate-extra-';
  const extra: Record<string, string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!name.startsWith(prefix)) continue;
    const key = decodedKey(name.slice(prefix.length));
    extra[key] = [
      ...(extra[key] ?? []),
      Buffer.from(rawHeaders[index + 1] ?? '', 'latin1')
        .toString('utf8')
        .trim(),
    ];
  }
  return extra;
}

/** The key is lower-cased and then percent-decoded; one that cannot be decoded stays as it came. */
function decodedKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch (error) {
    if (error instanceof URIError) return key;
    throw error;
  }
}

function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
