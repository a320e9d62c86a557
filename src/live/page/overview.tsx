import type { LaidOutState } from '../../../machines/chart-layout.ts';
import type { SessionView } from '../../session/view.ts';
import { Chart } from './chart.tsx';
import { chartLayouts } from './chart-layouts.ts';
import { FailureList } from './failure-list.tsx';
import { failuresOf } from './failures.ts';
import { Figures } from './figures.tsx';
import { briefly, ticking } from './format.ts';
import { stateLook } from './look.ts';
import { FAILURES_TODAY, hrefOf } from './route.ts';
import { SandboxStrip } from './sandbox-strip.tsx';
import { TokenLayer } from './token-layer.tsx';
import type { Occupancy } from './tokens.ts';
import { placeTokens } from './tokens.ts';

const SHOWN_FAILURES = 6;

export function Overview(props: { sessions: readonly SessionView[]; nowMs: number; sandbox: boolean }) {
  const { sessions, nowMs, sandbox } = props;
  const { occupancy } = placeTokens(chartLayouts.wide, sessions, nowMs);
  const ended = sessions.filter(({ endedAt }) => endedAt !== undefined).length;
  const inState = (state: string): Occupancy | undefined =>
    state === 'closed' ? { count: ended, longestMs: 0 } : occupancy.get(state);
  const failures = failuresOf(sessions);
  return (
    <>
      <h1 class="for-readers">Overview</h1>
      {sandbox && <SandboxStrip newcomer={sessions.length === 0} />}
      <Figures sessions={sessions} failures={failures} />
      <section class="panel" aria-label="Sessions by state">
        <Chart
          label="Statechart of the session machine with its live sessions"
          vacant={state => (inState(state)?.count ?? 0) === 0}
          inside={state => <StateCount key={state.name} state={state} occupancy={inState(state.name)} />}
          over={layout => <TokenLayer tokens={placeTokens(layout, sessions, nowMs).tokens} />}
        />
      </section>
      <section class="panel">
        <header class="panel-head">
          <h2>Not recorded</h2>
          {failures.length > 0 && <a href={hrefOf(FAILURES_TODAY)}>Today's, by cause</a>}
        </header>
        {failures.length === 0 ? (
          <p class="empty">
            Nothing is missing: every listed session that had to be recorded was recorded, or is being
            recorded. <a href={hrefOf(FAILURES_TODAY)}>Today, as the audit has it</a>
          </p>
        ) : (
          <FailureList failures={failures.slice(0, SHOWN_FAILURES)} nowMs={nowMs} />
        )}
      </section>
    </>
  );
}

/** How many are in a state and how long the first of them has been; a link to them. */
function StateCount({ state, occupancy }: { state: LaidOutState; occupancy: Occupancy | undefined }) {
  const { name, key, compound, x, y, width, height } = state;
  if (compound) return null;
  const corner = { x: x + width - 12, y: y + height - 10 };
  if (occupancy === undefined || occupancy.count === 0) {
    return (
      <text key={name} class="count none" {...corner}>
        0
      </text>
    );
  }
  const { count, longestMs } = occupancy;
  const longest = name === 'closed' ? '' : ticking(longestMs);
  return (
    <a
      class={`state-link tone-${stateLook(name).tone}`}
      href={hrefOf({ view: 'sessions', filter: { state: name } })}
      aria-label={`${key}, ${stateLook(name).says}: ${count}${longest === '' ? '' : `, longest ${longest}`}`}
    >
      <rect class="hit" x={x} y={y} width={width} height={height} rx="8" />
      <text class="count" {...corner}>
        {count}
      </text>{' '}
      {longest !== '' && (
        <text class="longest" x={x + 12} y={y + height - 8}>
          longest {briefly(longestMs)}
        </text>
      )}
    </a>
  );
}
