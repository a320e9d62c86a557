import { WitnessError } from '../errors.ts';
import type { CapabilityRule } from './rules.ts';
import { mergeRules } from './rules.ts';

export type IdentitySource = 'static' | 'tailscale' | 'tokenReview' | 'clientCertificate' | 'requestHeader';

/** The identity behind a client, as it will act upstream, and the rules that hold for it. */
export interface Caller {
  /** Never empty, never padded, no control characters. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  readonly source: IdentitySource;
  readonly rules: readonly CapabilityRule[];
  /** The machine that the caller sits at, where the source knows machines. */
  readonly device?: Device;
}

/** A node of the tailnet, for the header of a cast. Tagged nodes belong to their tags and have no user. */
export interface Device {
  /** Fully qualified name, without the last dot. */
  readonly node: string;
  /** Tailscale's stable node id. */
  readonly nodeId: string;
  readonly tags: readonly string[];
  readonly userId?: number;
  readonly userName?: string;
}

/** Each group is a header line upstream, and header blocks have an end. More is refused, never cut. */
export const MAX_GROUPS = 256;
/** Header lines of extra values together. */
export const MAX_EXTRA_VALUES = 256;
/** One name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 1024;

/**
 * A caller who can be carried upstream: the groups that the rules grant are added to its own. Throws KW_FORBIDDEN for
 * an identity that headers would change on the way (see `refuseUncarriable`).
 */
export function checkedCaller(caller: Caller): Caller {
  const groups = [...new Set([...caller.groups, ...mergeRules(caller.rules).impersonateGroups])];
  const checked: Caller = { ...caller, groups };
  refuseUncarriable(checked);
  return checked;
}

/**
 * Refuses what impersonation headers cannot say exactly. Servers trim values, and an empty user means no
 * impersonation at all: the request would run as the proxy itself. Throws KW_FORBIDDEN, without repeating the value.
 */
export function refuseUncarriable({ user, groups, uid, extra = {} }: Caller): void {
  refuseName('user name', user);
  if (groups.length > MAX_GROUPS) {
    throw forbidden(`you are in ${groups.length} groups, and at most ${MAX_GROUPS} can be carried upstream`);
  }
  for (const group of groups) refuseName('name of a group', group);
  if (uid !== undefined) refuseName('uid', uid);
  const values = Object.values(extra).flat();
  if (values.length > MAX_EXTRA_VALUES) {
    throw forbidden(
      `you have ${values.length} extra values, and at most ${MAX_EXTRA_VALUES} can be carried upstream`,
    );
  }
  for (const value of values) refuseName('extra value', value);
  for (const key of Object.keys(extra)) {
    refuseName('extra key', key);
    // The API server lower-cases the header's name before it reads the key.
    if (key !== key.toLowerCase()) throw forbidden('an extra key of your identity has upper-case letters');
  }
}

function refuseName(what: string, name: string): void {
  const flaw = nameFlaw(name);
  if (flaw !== undefined) throw forbidden(`the ${what} of your identity ${flaw}`);
}

/** Why a user, group, uid or extra value cannot be carried in a header exactly; undefined when it can. */
export function nameFlaw(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.trim() !== name) return 'begins or ends with a blank';
  if (/\p{Cc}/u.test(name)) return 'holds a control character';
  if (/\p{Surrogate}/u.test(name)) return 'is not Unicode';
  if (Buffer.byteLength(name, 'utf8') > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes`;
  return undefined;
}

function forbidden(message: string): WitnessError {
  return new WitnessError('KW_FORBIDDEN', message);
}
