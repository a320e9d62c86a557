import type { IncomingMessage } from 'node:http';
import type { AuditSubject } from '../audit/record.ts';
import { WitnessError } from '../errors.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import { bearerToken } from '../identity/bearer.ts';
import type { Subject } from '../identity/grants.ts';
import { isAmong } from '../identity/grants.ts';
import { identityRequestOf } from '../identity/identity-request.ts';
import type { Role } from '../live/role.ts';
import { ROLES } from '../live/role.ts';
import type { Caller } from '../policy/caller.ts';
import { auditSubject } from '../session/audit.ts';
import { secretOf } from './cookie.ts';
import type { SignIns } from './sign-ins.ts';

/** Who may do what on the admin port. */
export interface AdminAccess {
  /** The sources that know the proxy's own callers. */
  readonly authenticate: Authenticator;
  readonly roles: Readonly<Record<Role, readonly Subject[]>>;
  /** Of whoever reaches a loopback listener and shows no credential. */
  readonly local: readonly Role[];
  /** Names under which the page may be asked for, beside addresses and localhost. Lower-case, without a port. */
  readonly hosts: readonly string[];
  /** Whether a token can make somebody known. */
  readonly tokens: boolean;
}

/** Whoever asks something of the admin port. */
export interface Visitor {
  /** Undefined: local, or nobody. */
  readonly caller?: Caller;
  readonly roles: ReadonlySet<Role>;
  /** For the audit. */
  readonly subject: AuditSubject;
  /** Aborted when a sign-in is over; undefined: there is none. */
  readonly over?: AbortSignal;
}

/** What relays add. Whoever comes through one is somewhere else. */
const RELAY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

/**
 * Finds who asks: by the token of the request, by a sign-in, by what the connection says, or, on loopback, as somebody
 * local. The sources are asked on loopback too: tailscaled in userspace mode brings its peers there. Rejects with a
 * WitnessError for a token that is not known, and where a source does not answer.
 */
export async function visitorOf(
  request: IncomingMessage,
  access: AdminAccess,
  { signIns, loopback }: { readonly signIns: SignIns; readonly loopback: boolean },
): Promise<Visitor> {
  const isLocal = loopback && RELAY_HEADERS.every(name => request.headers[name] === undefined);
  const seen = identityRequestOf(request);
  const known = (caller: Caller, over?: AbortSignal): Visitor => ({
    caller,
    roles: rolesOf(caller, access),
    subject: auditSubject(caller, seen.remoteAddress, request.headers['user-agent']),
    ...(over === undefined ? {} : { over }),
  });
  const unknown = (): Visitor => ({
    roles: isLocal ? withViewer(access.local) : new Set(),
    subject: {
      user: isLocal ? 'local' : 'unknown',
      groups: [],
      source: isLocal ? 'loopback' : 'none',
      ...(seen.remoteAddress === undefined ? {} : { address: seen.remoteAddress }),
      ...(request.headers['user-agent'] === undefined ? {} : { userAgent: request.headers['user-agent'] }),
    },
  });
  const showsToken =
    request.headers.authorization !== undefined || bearerToken(seen.rawHeaders) !== undefined;
  if (!showsToken) {
    const signIn = signIns.find(secretOf(request) ?? '');
    if (signIn !== undefined) return known(signIn.caller, signIn.over);
  }
  try {
    return known(await access.authenticate(seen));
  } catch (error) {
    // Nobody claimed to be anybody: that is no fault, and what it comes to is a matter of roles.
    if (!showsToken && error instanceof WitnessError && IS_NOBODY.has(error.code)) return unknown();
    throw error;
  }
}

const IS_NOBODY: ReadonlySet<string> = new Set(['KW_UNAUTHENTICATED', 'KW_FORBIDDEN']);

/** Throws KW_UNAUTHENTICATED for somebody whom no source knows, KW_FORBIDDEN for somebody known. */
export function requireRole({ caller, roles }: Visitor, role: Role): void {
  if (roles.has(role)) return;
  if (caller === undefined) {
    throw new WitnessError('KW_UNAUTHENTICATED', `this takes the role ${role}, and you are not known here`);
  }
  throw new WitnessError('KW_FORBIDDEN', `${caller.user} does not have the role ${role}, which this takes`);
}

export function rolesOf(caller: Caller, { roles }: Pick<AdminAccess, 'roles'>): ReadonlySet<Role> {
  const { user, groups, device } = caller;
  const identity = { user, groups, ...(device === undefined ? {} : { tags: device.tags }) };
  return withViewer(ROLES.filter(role => isAmong(roles[role], identity)));
}

/** Who may hear or end sessions must find them. */
function withViewer(roles: readonly Role[]): ReadonlySet<Role> {
  return new Set(roles.length === 0 ? [] : ['viewer', ...roles]);
}
