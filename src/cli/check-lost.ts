import { grantsOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import type { GrantIdentity, Subject } from '../identity/grants.ts';
import { rulesFor, serviceAccountGroups } from '../identity/grants.ts';
import type { Place } from '../kube/place.ts';
import type { Fate } from '../policy/explain.ts';
import { explain } from '../policy/explain.ts';
import type { CapabilityRule } from '../policy/rules.ts';
import { refuseUnknownRecorders, tailnetNote } from './check-caller.ts';
import { subjectInWords } from './check-grants.ts';

interface Caller {
  readonly name: string;
  readonly rules: readonly CapabilityRule[];
}

/** A name that no pattern means but those that mean every name. */
const ANY = '\u0000';

const FATES: readonly (readonly [Fate, string])[] = [
  ['refused', 'refused:'],
  ['unrecorded', 'go on unrecorded:'],
  ['handedOver', 'handed over to another recorder:'],
];

/**
 * Whose sessions change their fate when these recorders (`host:port`) are down, in lines for people, and whether any is
 * refused then. Throws for a recorder that the configuration does not name.
 */
export function answerLost(config: Config, lost: readonly string[]): { refused: boolean; lines: string[] } {
  refuseUnknownRecorders(config, lost);
  const callers = callersOf(config);
  const touched = callers.flatMap(({ name, rules }) =>
    placesOf(rules).flatMap(([where, place]) => {
      const { fate, text } = explain(rules, 'session', { place, lost });
      const same = fate === explain(rules, 'session', { place }).fate;
      return same ? [] : [{ name, fate, line: `  ${name}${where}: ${text}` }];
    }),
  );
  const names = new Set(touched.map(({ name }) => name));
  return {
    refused: touched.some(({ fate }) => fate === 'refused'),
    lines: [
      ...FATES.flatMap(([wanted, title]) => {
        const lines = touched.filter(({ fate }) => fate === wanted).map(({ line }) => line);
        return lines.length === 0 ? [] : [title, ...lines];
      }),
      `not touched: ${callers.length - names.size} of ${callers.length} callers`,
      ...tailnetNote(config),
    ],
  };
}

/**
 * Every caller that the file knows of: those of `identity.static`, and the subjects of grants. A pattern stands for all
 * whom it means, so for it hold the grants that mean all of those.
 */
function callersOf(config: Config): Caller[] {
  const grants = grantsOf(config);
  const known = (config.identity.static ?? []).map(({ user, groups }) => ({
    name: groups.length === 0 ? `user ${user}` : `user ${user} (${groups.join(', ')})`,
    user,
    rules: rulesFor(grants, { user, groups }),
  }));
  const users = new Set(known.map(({ user }) => user));
  const named = new Map<string, Caller>();
  for (const subject of grants.flatMap(({ subjects }) => subjects)) {
    if ('user' in subject && users.has(subject.user)) continue;
    const name = subjectInWords(subject);
    named.set(name, { name, rules: rulesFor(grants, identityOf(subject)) });
  }
  return [...known, ...named.values()];
}

/** The least that is known of whoever the subject means. */
function identityOf(subject: Subject): GrantIdentity {
  if ('user' in subject) return { user: subject.user, groups: [] };
  if ('group' in subject) return { user: ANY, groups: [subject.group] };
  // For grants a tagged device is in groups named like its tags.
  if ('tag' in subject) return { user: ANY, groups: [subject.tag], tags: [subject.tag] };
  const user = `system:serviceaccount:${subject.serviceaccount}`;
  return { user, groups: serviceAccountGroups(user) };
}

/**
 * The places at which other rules may hold than elsewhere, and elsewhere itself, with words to stand behind the caller.
 * Two patterns for one kind of name that both mean some of the same names are not put together.
 */
function placesOf(rules: readonly CapabilityRule[]): (readonly [where: string, place: Place])[] {
  const namespaces = new Set([...rules.flatMap(({ scope }) => scope?.namespaces ?? []), ANY]);
  const pods = new Set([...rules.flatMap(({ scope }) => scope?.pods ?? []), ANY]);
  if (namespaces.size === 1 && pods.size === 1) return [['', { namespace: ANY, pod: ANY }]];
  return [...namespaces].flatMap(namespace =>
    [...pods].map(pod => {
      const where = `${namespace}/${pod}`.replaceAll(ANY, '*');
      return [where === '*/*' ? ' elsewhere' : ` at ${where}`, { namespace, pod }] as const;
    }),
  );
}
