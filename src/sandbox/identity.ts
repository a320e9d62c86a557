import { createHash, timingSafeEqual } from 'node:crypto';
import type { RawHeaders } from '../headers.ts';
import { badRequest, unauthorized } from './failure.ts';

/** Who the API server believes is calling, after impersonation. */
export interface Identity {
  readonly user: string;
  readonly uid: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** The only account with a token: the proxy's. It may impersonate everybody. */
export const PROXY_ACCOUNT = 'system:serviceaccount:kubewitness:proxy';

/** Values of every line of this name, in order; Node reads header bytes as latin1, Kubernetes as UTF-8. */
export function headerValues(rawHeaders: RawHeaders, name: string): string[] {
  const wanted = name.toLowerCase();
  return rawHeaders
    .filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === wanted)
    .map(value => Buffer.from(value, 'latin1').toString('utf8').trim());
}

/** @throws ApiFailure 401 without the token, 400 for impersonation without a user */
export function identify(rawHeaders: RawHeaders, token: string): Identity {
  const given = /^bearer (.+)$/i.exec(headerValues(rawHeaders, 'authorization')[0] ?? '')?.[1];
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
