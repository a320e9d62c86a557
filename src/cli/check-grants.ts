import { sourceOrder } from '../config/identity-schema.ts';
import { grantsOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import type { Grant, Subject } from '../identity/grants.ts';
import { explain } from '../policy/explain.ts';
import type { CapabilityRule } from '../policy/rules.ts';

/** What each grant of a configuration says, by itself, in lines for people. */
export function explainGrants(config: Config): string[] {
  return [
    `callers are known by ${sourceOrder(config.identity).join(', then ')}`,
    ...grantsOf(config).flatMap(grant => explainGrant(grant, config)),
  ];
}

function explainGrant({ subjects, rule }: Grant, config: Config): string[] {
  const { origin, impersonateGroups, impersonateAs, enableEvents } = rule;
  // Judged where it holds: there it is the only one.
  const { scope: _scope, ...everywhere } = rule;
  const others = [
    ['users', impersonateAs?.users ?? []],
    ['groups', impersonateAs?.groups ?? []],
  ] as const;
  return [
    `${origin}: ${subjects.map(subjectInWords).join('; ')}`,
    ...(impersonateGroups.length === 0 ? [] : [`  groups:   adds ${impersonateGroups.join(', ')}`]),
    ...(impersonateAs === undefined
      ? []
      : [
          `  acts as:  ${others
            .filter(([, names]) => names.length > 0)
            .map(([kind, names]) => `${kind} ${names.join(', ')}`)
            .join('; ')}`,
        ]),
    `  where:    ${scopeInWords(rule)}`,
    `  sessions: ${explain([everywhere], 'session').text}`,
    `  roads:    ${roadsInWords(everywhere)}`,
    ...(enableEvents === true ? ['  requests: each is told to a recorder before it is forwarded'] : []),
    ...deadSubjects(subjects, config),
  ];
}

export function subjectInWords(subject: Subject): string {
  if ('user' in subject) return `user ${subject.user}`;
  if ('group' in subject) return `group ${subject.group}`;
  return 'tag' in subject ? `device ${subject.tag}` : `service account ${subject.serviceaccount}`;
}

function scopeInWords({ scope: { namespaces, pods } = {} }: CapabilityRule): string {
  const parts = [
    ...(namespaces === undefined ? [] : [`namespaces ${namespaces.join(', ')}`]),
    ...(pods === undefined ? [] : [`pods ${pods.join(', ')}`]),
  ];
  return parts.length === 0 ? 'everywhere' : `${parts.join('; ')}; and every road whose end is not known`;
}

function roadsInWords(rule: CapabilityRule): string {
  const { fate } = explain([rule], 'tunnel');
  if (fate === 'refused') return 'around the recorder are refused';
  if (fate === 'audited') return 'around the recorder pass, and are audited';
  return rule.unrecordable === 'deny' ? 'are refused where another grant enforces a recorder' : 'pass';
}

/** A tag that no source can tell is no error: a source can be added later. */
function deadSubjects(subjects: readonly Subject[], { identity }: Config): string[] {
  if (identity.tailscale !== undefined || !subjects.some(subject => 'tag' in subject)) return [];
  return ['  note:     no source of identity knows tags, so its tags mean nobody'];
}
