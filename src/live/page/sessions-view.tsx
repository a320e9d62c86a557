import { useState } from 'preact/hooks';
import type { SessionView } from '../../session/view.ts';
import { choices, filtered } from './filter.ts';
import { clockTime, duration, plural, ticking } from './format.ts';
import { Badge } from './icon.tsx';
import { OUTCOME_NAMES, sessionLook } from './look.ts';
import type { Filter, FilterName } from './route.ts';
import { hrefOf } from './route.ts';
import { lasted } from './timeline.ts';
import { commandLine, visibleText } from './visible-text.ts';

/** More rows than anybody reads would only make the page slow. */
const ROWS = 100;

export function SessionsView(props: { sessions: readonly SessionView[]; filter: Filter; nowMs: number }) {
  const { sessions, filter, nowMs } = props;
  const found = filtered(sessions, filter);
  const [rows, setRows] = useState(ROWS);
  return (
    <>
      <h1>Sessions</h1>
      <FilterBar sessions={sessions} filter={filter} />
      <p class="dim" role="status">
        {plural(found.length, 'session')}
        {found.length > rows ? `, the first ${rows} shown` : ''}
      </p>
      <div class="panel table-wrap">
        <table class="sessions">
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">User</th>
              <th scope="col">Pod</th>
              <th scope="col">Command</th>
              <th scope="col">Started</th>
              <th scope="col" class="number">
                Lasted
              </th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, rows).map(session => (
              <Row key={session.id} session={session} nowMs={nowMs} />
            ))}
          </tbody>
        </table>
        {found.length === 0 && <p class="empty">No session matches.</p>}
        {found.length > rows && (
          <button type="button" onClick={() => setRows(rows + ROWS)}>
            Show more
          </button>
        )}
      </div>
    </>
  );
}

function Row({ session, nowMs }: { session: SessionView; nowMs: number }) {
  const { id, caller, namespace, pod, container, command, type, startedAt, endedAt, exitCode, replica } =
    session;
  const time = lasted(session, nowMs);
  return (
    <tr class={endedAt === undefined ? 'live' : 'ended'}>
      <td>
        <Badge look={sessionLook(session)} />
      </td>
      <td data-label="User">
        <bdi>{visibleText(caller.user)}</bdi>
      </td>
      <td data-label="Pod">
        <bdi class="dim">{visibleText(namespace)}/</bdi>
        <bdi>{visibleText(pod)}</bdi>
        {container !== undefined && <bdi class="dim"> {visibleText(container)}</bdi>}
      </td>
      <td class="command">
        <a href={hrefOf({ view: 'session', id })}>
          <code>{commandLine(command) || `(${type})`}</code>
        </a>
        {exitCode !== undefined && exitCode !== 0 && <span class="dim"> exit {exitCode}</span>}
        {replica !== undefined && (
          <bdi class="dim replica" title="replica">
            {' '}
            {visibleText(replica)}
          </bdi>
        )}
      </td>
      <td data-label="Started">
        <time dateTime={startedAt}>{clockTime(startedAt, nowMs)}</time>
      </td>
      <td data-label="Lasted" class="number">
        {endedAt === undefined ? ticking(time) : duration(time)}
      </td>
    </tr>
  );
}

/** Replaces the fragment without an entry in the history for each keystroke; the router hears `hashchange` all the same. */
function choose(filter: Filter, name: FilterName, value: string): void {
  location.replace(hrefOf({ view: 'sessions', filter: { ...filter, [name]: value } }));
}

function FilterBar({ sessions, filter }: { sessions: readonly SessionView[]; filter: Filter }) {
  const offered: Readonly<Record<Exclude<FilterName, 'text'>, readonly string[]>> = {
    user: choices(sessions, ({ caller }) => caller.user, filter.user),
    namespace: choices(sessions, ({ namespace }) => namespace, filter.namespace),
    pod: choices(sessions, ({ pod }) => pod, filter.pod),
    state: choices(sessions, ({ state }) => state, filter.state),
    outcome: ['live', ...OUTCOME_NAMES],
  };
  return (
    <search>
      <form class="filters" onSubmit={event => event.preventDefault()}>
        {(['user', 'namespace', 'pod', 'state', 'outcome'] as const).map(name => (
          <label key={name}>
            <span>{name}</span>
            <select
              value={filter[name] ?? ''}
              onChange={event => choose(filter, name, event.currentTarget.value)}
            >
              <option value="">any</option>
              {offered[name].map(value => (
                <option key={value} value={value}>
                  {visibleText(value)}
                </option>
              ))}
            </select>
          </label>
        ))}
        <label class="grow">
          <span>text</span>
          <input
            type="search"
            value={filter.text ?? ''}
            placeholder="command, id, cause, recorder …"
            onInput={event => choose(filter, 'text', event.currentTarget.value)}
          />
        </label>
        {Object.keys(filter).length > 0 && (
          <a class="clear" href={hrefOf({ view: 'sessions', filter: {} })}>
            Clear
          </a>
        )}
      </form>
    </search>
  );
}
