import type { RecordingSummary } from '../recordings-reader.ts';
import { bytes, clockTime, duration } from './format.ts';
import { Badge } from './icon.tsx';
import { Playback } from './playback.tsx';
import { castUrl } from './recordings-api.ts';
import { hrefOf } from './route.ts';
import { type Found, useRecordings } from './use-recordings.ts';
import { visibleText } from './visible-text.ts';
import { useRole } from './who-context.ts';

/** What recorders keep, as far as this proxy can read it. */
export function RecordingsView(props: { recordings: boolean; text: string; nowMs: number }) {
  const { recordings, text, nowMs } = props;
  const found = useRecordings(recordings ? '' : undefined);
  const mayPlay = useRole('auditor');
  return (
    <>
      <h1>Recordings</h1>
      {found.kind === 'unavailable' ? (
        <p class="panel empty">
          {mayPlay
            ? 'This proxy has no access to recordings; they are with the recorders. '
            : 'Recordings take the role auditor here. '}
          <code>kubewitness recordings list</code> reads them at the recorder.
        </p>
      ) : (
        <>
          <search>
            <form class="filters" onSubmit={event => event.preventDefault()}>
              <label class="grow">
                <span>text</span>
                <input
                  type="search"
                  value={text}
                  placeholder="user, pod, command, id …"
                  onInput={event =>
                    location.replace(hrefOf({ view: 'recordings', text: event.currentTarget.value }))
                  }
                />
              </label>
            </form>
          </search>
          <List found={found} text={text} nowMs={nowMs} />
        </>
      )}
    </>
  );
}

function List({ found, text, nowMs }: { found: Found; text: string; nowMs: number }) {
  if (found.kind === 'failed')
    return <p class="panel empty tone-bad">They could not be listed: {found.why}</p>;
  if (found.kind !== 'found') return <p class="panel empty">Looking …</p>;
  const items = found.items.filter(item => says(item, text));
  return (
    <div class="panel table-wrap">
      <table class="sessions">
        <thead>
          <tr>
            {['Recording', 'User', 'Pod', 'Command', 'Received'].map(name => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
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
      {items.length === 0 && <p class="empty">No recording matches.</p>}
    </div>
  );
}

function Row({ item, nowMs }: { item: RecordingSummary; nowMs: number }) {
  return (
    <tr>
      <td>
        <Badge
          look={
            item.complete
              ? { tone: 'good', icon: 'check', says: 'complete' }
              : { tone: 'warn', icon: 'triangle', says: 'not complete' }
          }
        />
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
          <code>{visibleText(item.command ?? '') || item.id}</code>
        </a>{' '}
        <span class="dim">{duration(item.durationSeconds * 1000)}</span>
      </td>
      <td data-label="Received">
        <time dateTime={item.receivedAt}>{clockTime(item.receivedAt, nowMs)}</time>
      </td>
      <td data-label="Size" class="number">
        <a href={castUrl(item.id)}>{bytes(item.bytes)}</a>
      </td>
    </tr>
  );
}

/** One recording on its own; that of a session that is still listed is shown with the session. */
export function RecordingPage({ recordings, id }: { recordings: boolean; id: string }) {
  const all = useRecordings(recordings ? '' : undefined);
  const found: Found =
    all.kind === 'found' ? { ...all, items: all.items.filter(item => item.id === id) } : all;
  const item = found.kind === 'found' ? found.items[0] : undefined;
  return (
    <>
      <p class="crumbs">
        <a href={hrefOf({ view: 'recordings', text: '' })}>Recordings</a> › <bdi>{visibleText(id)}</bdi>
      </p>
      <h1 class="command-title">
        <code>{visibleText(item?.command ?? id)}</code>
      </h1>
      {item?.sessionId !== undefined && (
        <p>
          <a href={hrefOf({ view: 'session', id: item.sessionId })}>Its session</a>
        </p>
      )}
      <Playback found={found} atMs={undefined} played={() => {}} />
    </>
  );
}

function says(item: RecordingSummary, text: string): boolean {
  const { id, sessionId, user, namespace, pod, command } = item;
  return [id, sessionId, user, `${namespace}/${pod}`, command]
    .join('\n')
    .toLowerCase()
    .includes(text.toLowerCase());
}
