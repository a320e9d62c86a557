import { useMemo } from 'preact/hooks';
import { FailureChart } from './failure-chart.tsx';
import type { ReasonGroup } from './failure-history.ts';
import { dimensionOf, edgesOf, reasonsOf, seriesOf, sessionsMissing, within } from './failure-history.ts';
import { FailureTable } from './failure-table.tsx';
import { plural } from './format.ts';
import { fetchFailures } from './history-api.ts';
import type { Route } from './route.ts';
import { DIMENSIONS, hrefOf, SPANS } from './route.ts';
import { UnrecordedList } from './unrecorded-list.tsx';
import { useFetched } from './use-fetched.ts';
import { visibleText } from './visible-text.ts';

type FailuresRoute = Extract<Route, { view: 'failures' }>;

const SPAN_NAMES = { today: 'Today', '24h': '24 hours', '7d': '7 days' } as const;
const SPAN_SAYS = { today: 'Today', '24h': 'In the last 24 hours', '7d': 'In the last 7 days' } as const;
/** Where what a recorder or a socket said does not say it. */
const MISSED: Readonly<Record<string, string>> = {
  header: 'could not begin: ',
  stream: 'lost while it ran: ',
  ack: 'not confirmed: ',
  finalise: 'end not confirmed: ',
};
/** As often as this it is looked whether anything has changed. */
const AGAIN_MS = 5_000;

/** Which sessions were not recorded, and why: over time, in numbers, and one by one. */
export function FailuresView({ route, nowMs, seq }: { route: FailuresRoute; nowMs: number; seq: number }) {
  const { span, by, chosen } = route;
  const hour = Math.floor(nowMs / 3_600_000);
  const edges = useMemo(() => edgesOf(span, nowMs), [span, hour]);
  const again = useMemo(() => seq, [Math.floor(nowMs / AGAIN_MS)]);
  const failures = useFetched(new Date(edges[0] ?? 0).toISOString(), again, fetchFailures);
  return (
    <>
      <h1>Not recorded</h1>
      <p class="lead">
        Sessions, or parts of them, that are in no recording, and recordings that failed and were saved. From
        the audit: whatever has left the list of sessions is still here.
      </p>
      <nav class="spans" aria-label="Time and grouping">
        <span>
          {SPANS.map(name => (
            <a
              key={name}
              href={hrefOf({ ...route, span: name })}
              aria-current={name === span ? 'true' : undefined}
            >
              {SPAN_NAMES[name]}
            </a>
          ))}
        </span>
        <span>
          by
          {DIMENSIONS.map(name => (
            <a
              key={name}
              href={hrefOf({ view: 'failures', span, by: name })}
              aria-current={name === by ? 'true' : undefined}
            >
              {name}
            </a>
          ))}
        </span>
      </nav>
      {failures.kind === 'looking' && <p class="panel empty">Reading the audit …</p>}
      {failures.kind === 'failed' && (
        <p class="panel empty tone-bad">The audit could not be read: {visibleText(failures.why)}</p>
      )}
      {failures.kind === 'found' && (
        <Found
          route={route}
          items={within(failures.value.items, edges).filter(
            item => chosen === undefined || dimensionOf(item, by) === chosen,
          )}
          edges={edges}
          nowMs={nowMs}
        />
      )}
    </>
  );
}

function Found(props: {
  route: FailuresRoute;
  items: ReturnType<typeof within>;
  edges: readonly number[];
  nowMs: number;
}) {
  const { route, items, edges, nowMs } = props;
  const { span, by, chosen } = route;
  const missing = sessionsMissing(items);
  const series = seriesOf(items, by, edges);
  return (
    <>
      <p class={`verdict-line tone-${missing === 0 ? 'good' : 'bad'}`} role="status">
        {SPAN_SAYS[span]}{' '}
        {missing === 0
          ? 'nothing is missing: every session that had to be recorded was recorded, or is being recorded.'
          : `${plural(missing, 'session')} ${missing === 1 ? 'is' : 'are'}, wholly or in part, in no recording:`}
      </p>
      {chosen !== undefined && (
        <p>
          Only {by} <bdi>{visibleText(chosen)}</bdi>. <a href={hrefOf({ view: 'failures', span, by })}>All</a>
        </p>
      )}
      {missing > 0 && (
        <ul class="reasons">
          {reasonsOf(items)
            .filter(({ recovered }) => !recovered)
            .map(group => (
              <li key={keyOf(group)}>
                <b>{sessionsMissing(group.items)}</b> {MISSED[group.phase] ?? ''}
                {visibleText(group.message)}
              </li>
            ))}
        </ul>
      )}
      {items.length > 0 && (
        <section class="panel" aria-label="Over time">
          <header class="panel-head">
            <h2>{span === '7d' ? 'By day' : 'By hour'}</h2>
            <span class="dim">
              {chosen === undefined ? 'only ' : ''}
              {(chosen === undefined ? series : []).map(({ value }) => (
                <a key={value} href={hrefOf({ view: 'failures', span, by, chosen: value })}>
                  <bdi>{visibleText(value)}</bdi>
                </a>
              ))}
            </span>
          </header>
          <FailureChart series={series} by={by} span={span} />
          <FailureTable series={series} by={by} span={span} />
        </section>
      )}
      {reasonsOf(items).map(group => (
        <section class="panel" key={keyOf(group)}>
          <header class="panel-head">
            <h2>
              {visibleText(group.message)}
              {group.recovered && ', and nothing is missing'}
            </h2>
            <span class="dim">
              {plural(group.items.length, 'failure')} · phase {visibleText(group.phase)} · kind{' '}
              {visibleText(group.kind)} · recorder <bdi>{visibleText(group.recorder)}</bdi>
            </span>
          </header>
          <UnrecordedList items={group.items} nowMs={nowMs} said={group.message} />
        </section>
      ))}
    </>
  );
}

function keyOf({ phase, kind, recorder, recovered }: ReasonGroup): string {
  return [phase, kind, recorder, recovered].join(' ');
}
