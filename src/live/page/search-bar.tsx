import { useEffect, useState } from 'preact/hooks';
import type { Sought, SoughtName } from './route.ts';
import { hrefOf } from './route.ts';

const TEXTS: readonly (readonly [SoughtName, string])[] = [
  ['user', 'the whole name'],
  ['namespace', 'the whole name'],
  ['pod', 'the whole name'],
  ['command', 'any part of it'],
];
const DAYS: readonly (readonly [SoughtName, string])[] = [
  ['from', 'from day'],
  ['to', 'to day'],
];

/** What stands in it goes, once it is complete, into the address, and from there to the recorder. */
export function SearchBar({ sought }: { sought: Sought }) {
  const [draft, setDraft] = useState(sought);
  useEffect(() => setDraft(sought), [JSON.stringify(sought)]);
  const put = (name: SoughtName, value: string): void => setDraft({ ...draft, [name]: value });
  const search = (): void => location.replace(hrefOf({ view: 'recordings', sought: draft }));
  return (
    <search>
      <form
        class="filters"
        onSubmit={event => {
          event.preventDefault();
          search();
        }}
      >
        {TEXTS.map(([name, hint]) => (
          <label key={name} class="short">
            <span>{name}</span>
            <input
              type="search"
              value={draft[name] ?? ''}
              placeholder={hint}
              autocomplete="off"
              onInput={event => put(name, event.currentTarget.value)}
            />
          </label>
        ))}
        {DAYS.map(([name, says]) => (
          <label key={name}>
            <span>{says}</span>
            <input
              type="date"
              value={draft[name] ?? ''}
              onInput={event => put(name, event.currentTarget.value)}
            />
          </label>
        ))}
        <button type="submit">Search</button>
        {Object.keys(sought).length > 0 && (
          <a class="clear" href={hrefOf({ view: 'recordings', sought: {} })}>
            Clear
          </a>
        )}
      </form>
    </search>
  );
}
