import { matchesName } from '../policy/match-name.ts';
import type { CapabilityRule } from '../policy/rules.ts';

/**
 * Whom a grant is for, where `*` stands for any run of characters: a user, a group, a tag of the caller's device
 * (`tag:ci`), or a service account as `namespace:name`.
 */
export type Subject =
  | { readonly user: string }
  | { readonly group: string }
  | { readonly tag: string }
  | { readonly serviceaccount: string };

/** A capability rule of our own configuration, and whom it holds for. */
export interface Grant {
  readonly subjects: readonly Subject[];
  readonly rule: CapabilityRule;
}

/** Of a caller, what grants go by. */
export interface GrantIdentity {
  readonly user: string;
  readonly groups: readonly string[];
  /** Tags of the device that the caller sits at; left out where the source knows no devices. */
  readonly tags?: readonly string[];
}

/**
 * The rules that hold for an identity, in the order of the grants. The groups are the identity's own: a group that one
 * grant gives does not bring another grant.
 */
export function rulesFor(grants: readonly Grant[], identity: GrantIdentity): CapabilityRule[] {
  return grants.filter(({ subjects }) => isAmong(subjects, identity)).map(({ rule }) => rule);
}

/** Whether one of the subjects is this identity. */
export function isAmong(subjects: readonly Subject[], identity: GrantIdentity): boolean {
  return subjects.some(subject => isMeant(subject, identity));
}

function isMeant(subject: Subject, { user, groups, tags = [] }: GrantIdentity): boolean {
  if ('user' in subject) return matchesName(subject.user, user);
  if ('group' in subject) {
    return [...groups, ...serviceAccountGroups(user)].some(group => matchesName(subject.group, group));
  }
  if ('tag' in subject) return tags.some(tag => matchesName(subject.tag, tag));
  return isServiceAccount(subject.serviceaccount, user);
}

/** The user name that Kubernetes gives to a service account. */
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Groups that the API server gives to a service account by its name, also when somebody acts as one. */
export function serviceAccountGroups(user: string): readonly string[] {
  const namespace = SERVICE_ACCOUNT.exec(user)?.[1];
  return namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** Namespace and name are matched apart: no `*` reaches from the one into the other. */
function isServiceAccount(pattern: string, user: string): boolean {
  const [, namespace, name] = SERVICE_ACCOUNT.exec(user) ?? [];
  if (namespace === undefined || name === undefined) return false;
  const [wantedNamespace = '', wantedName = ''] = pattern.split(':', 2);
  return matchesName(wantedNamespace, namespace) && matchesName(wantedName, name);
}
