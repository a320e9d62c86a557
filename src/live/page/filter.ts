import type { SessionView } from '../../session/view.ts';
import type { Filter } from './route.ts';

/** Live sessions first, then by start, newest first. */
export function filtered(sessions: Iterable<SessionView>, filter: Filter): SessionView[] {
  return [...sessions]
    .filter(session => matches(session, filter))
    .sort(
      (a, b) =>
        Number(a.endedAt !== undefined) - Number(b.endedAt !== undefined) ||
        b.startedAt.localeCompare(a.startedAt) ||
        a.id.localeCompare(b.id),
    );
}

/** All that is given must hold. `outcome=live` is of sessions that have none yet. */
export function matches(session: SessionView, filter: Filter): boolean {
  return (
    is(session.caller.user, filter.user) &&
    is(session.namespace, filter.namespace) &&
    is(session.pod, filter.pod) &&
    is(session.state, filter.state) &&
    is(session.outcome ?? 'live', filter.outcome) &&
    (filter.text === undefined || says(session, filter.text))
  );
}

/** The values that occur, for a filter to choose from. */
export function choices(
  sessions: Iterable<SessionView>,
  of: (session: SessionView) => string,
  chosen: string | undefined,
): string[] {
  const found = new Set([...sessions].map(of));
  if (chosen !== undefined) found.add(chosen);
  return [...found].sort((a, b) => a.localeCompare(b));
}

function is(value: string, wanted: string | undefined): boolean {
  return wanted === undefined || value === wanted;
}

function says(session: SessionView, text: string): boolean {
  const { id, caller, namespace, pod, container, command, recorder, cause, replica } = session;
  return [
    id,
    caller.user,
    `${namespace}/${pod}`,
    container,
    command.join(' '),
    recorder,
    replica,
    cause?.code,
    cause?.message,
  ]
    .join('\n')
    .toLowerCase()
    .includes(text.toLowerCase());
}
