import type { RecordingSummary } from '../recordings-reader.ts';
import { bytes, clockTime, duration, plural } from './format.ts';
import { Badge } from './icon.tsx';
import type { Look } from './look.ts';
import { castUrl } from './recordings-api.ts';
import { searchParams } from './recordings-search.ts';
import type { Sought } from './route.ts';
import { hrefOf } from './route.ts';
import { SearchBar } from './search-bar.tsx';
import { type Found, useRecordings } from './use-recordings.ts';
import { visibleText } from './visible-text.ts';
import { useRole } from './who-context.ts';

/** What recorders keep, as far as this proxy can read it. The recorder searches, so nothing is too old to be found. */
export function RecordingsView(props: { recordings: boolean; sought: Sought; nowMs: number }) {
  const { recordings, sought, nowMs } = props;
  const found = useRecordings(recordings ? searchParams(sought) : undefined);
  const mayPlay = useRole('auditor');
  return (
    <>
      <h1>Recordings</h1>
      {found.kind === 'unavailable' ? (
        <p class="panel empty">
          {mayPlay
            ? 'This proxy has no access to recordings (admin.recordings); they are with the recorders. '
            : 'Recordings take the role auditor here. '}
          <code>kubewitness recordings list</code> reads them at the recorder.
        </p>
      ) : (
        <>
          <SearchBar sought={sought} />
          <List found={found} any={Object.keys(sought).length === 0} nowMs={nowMs} />
        </>
      )}
    </>
  );
}

function List({ found, any, nowMs }: { found: Found; any: boolean; nowMs: number }) {
  if (found.kind === 'failed') {
    return <p class="panel empty tone-bad">They could not be listed: {visibleText(found.why)}</p>;
  }
  if (found.kind !== 'found') return <p class="panel empty">Looking …</p>;
  const { items, more } = found;
  const none = any
    ? 'There are no recordings yet. A session is listed here once its recording has ended.'
    : 'No recording matches. User, namespace and pod are compared as a whole, the command by any part of it.';
  return (
    <>
      <p class="dim" role="status">
        {plural(items.length, 'recording')}
        {more === undefined ? '' : ', and there may be older ones'}
      </p>
      <div class="panel table-wrap">
        {items.length > 0 && (
          <table class="sessions recordings">
            <thead>
              <tr>
                {['Recording', 'User', 'Pod', 'Command', 'Received'].map(name => (
                  <th scope="col" key={name}>
                    {name}
                  </th>
                ))}
                <th scope="col" class="number">
                  Lasts
                </th>
                <th scope="col" class="number">
                  Size
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map(item => (
                <Row key={item.id} item={item} nowMs={nowMs} />
              ))}
            </tbody>
          </table>
        )}
        {items.length === 0 && (
          <p class="empty">{more === undefined ? none : 'None matches among the newest.'}</p>
        )}
        {more !== undefined && (
          <button type="button" onClick={more}>
            Look for older ones
          </button>
        )}
      </div>
    </>
  );
}

export function recordingLook({ complete }: RecordingSummary): Look {
  return complete
    ? { tone: 'good', icon: 'check', says: 'complete' }
    : { tone: 'warn', icon: 'triangle', says: 'not complete' };
}

function Row({ item, nowMs }: { item: RecordingSummary; nowMs: number }) {
  return (
    <tr>
      <td>
        <Badge look={recordingLook(item)} />
        {item.incompleteReason !== undefined && (
          <span class="dim under">{visibleText(item.incompleteReason)}</span>
        )}
      </td>
      <td data-label="User">
        <bdi>{visibleText(item.user ?? '')}</bdi>
      </td>
      <td data-label="Pod">
        <bdi class="dim">{visibleText(item.namespace ?? '')}/</bdi>
        <bdi>{visibleText(item.pod ?? '')}</bdi>
      </td>
      <td class="command">
        <a href={hrefOf({ view: 'recording', id: item.id })}>
          <code>{visibleText(item.command ?? '') || '(attach)'}</code>
        </a>
      </td>
      <td data-label="Received">
        <time dateTime={item.receivedAt}>{clockTime(item.receivedAt, nowMs)}</time>
      </td>
      <td data-label="Lasts" class="number">
        {duration(item.durationSeconds * 1000)}
      </td>
      <td data-label="Size" class="number">
        <a href={castUrl(item.id)} title="Download the cast">
          {bytes(item.bytes)}
        </a>
      </td>
    </tr>
  );
}
