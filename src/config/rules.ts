import type { Grant, Subject } from '../identity/grants.ts';
import type { StaticIdentity } from '../identity/static-tokens.ts';
import type { Role } from '../live/role.ts';
import type { CapabilityRule } from '../policy/rules.ts';
import type { RecordingScope } from '../policy/scope.ts';
import type { Config } from './schema.ts';

type ConfiguredGrant = Config['grants'][number];

/** The grants of a configuration as the identity sources take them. */
export function grantsOf({ grants }: Config): Grant[] {
  return grants.map((grant, at) => ({
    subjects: grant.subjects.flatMap(asSubject),
    rule: {
      origin: `grants[${at}]`,
      impersonateGroups: grant.impersonate?.groups ?? [],
      recorderAddrs: grant.recorderAddrs,
      enforceRecorder: grant.enforceRecorder,
      enableEvents: grant.enableEvents,
      ...(grant.impersonateAs === undefined ? {} : { impersonateAs: grant.impersonateAs }),
      ...(grant.unrecordable === undefined ? {} : { unrecordable: grant.unrecordable }),
      ...budgetOf(grant),
      ...scopeOf(grant),
    },
  }));
}

function budgetOf({ failOpenBudget }: ConfiguredGrant): Pick<CapabilityRule, 'failOpenBudget'> {
  if (failOpenBudget === undefined) return {};
  const { secondsPerDay, concurrent } = failOpenBudget;
  return {
    failOpenBudget: {
      ...(secondsPerDay === undefined ? {} : { secondsPerDay }),
      ...(concurrent === undefined ? {} : { concurrent }),
    },
  };
}

function scopeOf({ namespaces, pods }: ConfiguredGrant): { scope?: RecordingScope } {
  if (namespaces === undefined && pods === undefined) return {};
  return {
    scope: {
      ...(namespaces === undefined ? {} : { namespaces }),
      ...(pods === undefined ? {} : { pods }),
    },
  };
}

/** Who has which role on the admin port. */
export function rolesOf({ admin: { roles } }: Config): Record<Role, Subject[]> {
  return {
    viewer: (roles?.viewer ?? []).flatMap(asSubject),
    auditor: (roles?.auditor ?? []).flatMap(asSubject),
    operator: (roles?.operator ?? []).flatMap(asSubject),
  };
}

/** The identities of a configuration. `tokenIn` reads a token file; the newline at its end is taken off here. */
export function identitiesOf({ identity }: Config, tokenIn: (file: string) => string): StaticIdentity[] {
  return (identity.static ?? []).map(({ user, groups, uid, extra, token, tokenFile, tokenSha256 }) => ({
    user,
    groups,
    ...(uid === undefined ? {} : { uid }),
    ...(extra === undefined ? {} : { extra }),
    secret:
      tokenSha256 === undefined
        ? { token: token ?? tokenIn(tokenFile ?? '').replace(/\r?\n$/, '') }
        : { tokenSha256 },
  }));
}

function asSubject({ user, group, tag, serviceaccount }: ConfiguredGrant['subjects'][number]): Subject[] {
  if (user !== undefined) return [{ user }];
  if (group !== undefined) return [{ group }];
  if (tag !== undefined) return [{ tag }];
  return serviceaccount === undefined ? [] : [{ serviceaccount: serviceaccount.replace('/', ':') }];
}
