import type { RawHeaders } from '../headers.ts';
import { connectionTokens, pairsOf } from '../headers.ts';
import type { AnyUpgrade } from '../kube/upgrade.ts';
import type { Caller } from './caller.ts';
import { refuseUncarriable } from './caller.ts';

export { checkHeaders } from './check-headers.ts';

/**
 * As whom requests go upstream. `auth`: the proxy shows its own credential and impersonates the caller. `noauth`: the
 * caller's own credential goes on, and the proxy shows none.
 */
export type UpstreamMode = 'auth' | 'noauth';

/**
 * What of a client's headers goes upstream. Everything else stays here: credentials, identity, `X-Remote-*`,
 * forwarding and framing headers, cookies, and every alias of those in other spellings.
 */
const FORWARDED: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-encoding',
  'content-type',
  'if-modified-since',
  'if-none-match',
  'kubectl-command',
  'kubectl-session',
  'range',
  'traceparent',
  'tracestate',
  'user-agent',
]);

/**
 * Extra key of every request that came through this proxy, where the configuration asks for it. Setting extras takes a
 * right that ordinary users do not have (`impersonate` on userextras), so an admission policy can tell our requests from
 * others (docs/security.md).
 */
export const SESSION_MARKER = 'kubewitness.dev/session';

/** Extra key for who really calls; the API server's audit shows it beside the impersonated user. */
export const ORIGINAL_USER = 'kubewitness.dev/original-user';

export interface UpstreamHeaderOptions {
  /** `auth` if left out. */
  readonly mode?: UpstreamMode;
  /** Authority of the upstream. Left out where the HTTP client sets it. */
  readonly host?: string;
  /** The proxy's own credential, as the whole value. Left out where the upstream layer adds it. */
  readonly authorization?: string;
  /** Ties the API server's audit line to ours. The client's own is never sent. */
  readonly auditId?: string;
  /** Becomes X-Forwarded-For, which the API server's audit shows as source address. */
  readonly clientAddress?: string;
  /** Value of the extra `SESSION_MARKER`. Left out where the cluster's admission does not ask for it. */
  readonly marker?: string;
}

/**
 * Header lines for upstream: the client's allowed ones as they came, then ours, impersonation last. Framing
 * (Content-Length, Transfer-Encoding) is not among them: whoever sends the body frames it. In `noauth` the client's own
 * credential and its `Impersonate-*` stand in place of ours. Throws KW_FORBIDDEN for an identity that headers cannot carry.
 */
export function upstreamHeaders(
  raw: RawHeaders,
  caller: Caller,
  { mode = 'auth', host, authorization, auditId, clientAddress, marker }: UpstreamHeaderOptions = {},
): string[] {
  refuseUncarriable(caller);
  // RFC 9110 section 7.6.1: what Connection names ends here. It is read before ours are added, so it cannot name them.
  const named = connectionTokens(raw);
  const kept = pairsOf(raw).filter(([name]) => {
    const lower = name.toLowerCase();
    return FORWARDED.has(lower) && !named.has(lower);
  });
  return [
    ...line('Host', host),
    ...kept.flat(),
    ...(mode === 'noauth' ? ownIdentity(raw) : line('Authorization', authorization)),
    ...line('Audit-ID', auditId),
    ...line('X-Forwarded-For', clientAddress),
    ...(mode === 'noauth' ? [] : impersonation(caller, marker)),
  ];
}

/** What asks upstream for the same upgrade, written anew: one Upgrade value, one line or one line for each version. */
export function upgradeHeaders(upgrade: AnyUpgrade): string[] {
  if (upgrade.transport === 'spdy') {
    return [
      ...line('Connection', 'Upgrade'),
      ...line('Upgrade', 'SPDY/3.1'),
      ...upgrade.offered.flatMap(version => line('X-Stream-Protocol-Version', version)),
    ];
  }
  return [
    ...line('Connection', 'Upgrade'),
    ...line('Upgrade', 'websocket'),
    ...line('Sec-WebSocket-Key', upgrade.key),
    ...line('Sec-WebSocket-Version', '13'),
    ...line('Sec-WebSocket-Protocol', upgrade.offered.length === 0 ? undefined : upgrade.offered.join(', ')),
  ];
}

/**
 * Who the client is to the API server, as it came. `Connection` cannot name these away: without its `Impersonate-*` a
 * request would run with all the rights of whoever sends it.
 */
function ownIdentity(raw: RawHeaders): string[] {
  return pairsOf(raw)
    .filter(([name]) => /^(authorization|impersonate-(user|group|uid|extra-.+))$/i.test(name))
    .flat();
}

/**
 * One line for each value: the API server splits nothing, so `ops, eu` is one group. The marker is ours alone: an
 * identity source that brings the key is not heard.
 */
function impersonation({ user, groups, uid, extra = {} }: Caller, marker: string | undefined): string[] {
  const { [SESSION_MARKER]: _notTheirs, ...theirs } = extra;
  const extras = { ...theirs, ...(marker === undefined ? {} : { [SESSION_MARKER]: [marker] }) };
  return [
    ...line('Impersonate-User', asHeaderValue(user)),
    ...groups.flatMap(group => line('Impersonate-Group', asHeaderValue(group))),
    ...line('Impersonate-Uid', uid === undefined ? undefined : asHeaderValue(uid)),
    ...Object.entries(extras).flatMap(([key, values]) =>
      values.flatMap(value => line(`Impersonate-Extra-${escapeExtraKey(key)}`, asHeaderValue(value))),
    ),
  ];
}

/** Node writes header strings as latin1; Go reads the bytes as UTF-8. */
function asHeaderValue(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Percent-encodes what is no token character (RFC 9110 section 5.6.2), and the percent sign itself. */
function escapeExtraKey(key: string): string {
  const isToken = (byte: number): boolean => /[!#$&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(byte));
  return [...Buffer.from(key, 'utf8')]
    .map(byte =>
      isToken(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

function line(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}
