import { useState } from 'preact/hooks';
import type { SessionView } from '../../session/view.ts';
import { Chart } from './chart.tsx';
import { chartLayouts } from './chart-layouts.ts';
import { duration } from './format.ts';
import { Badge } from './icon.tsx';
import { sessionLook, stateLook } from './look.ts';
import { Playback } from './playback.tsx';
import { hrefOf } from './route.ts';
import { Scrubber } from './scrubber.tsx';
import { SessionFacts } from './session-facts.tsx';
import { StepTable } from './step-table.tsx';
import { StopSession } from './stop-session.tsx';
import { takenPath } from './taken-path.ts';
import { joinedMs, lasted, stayAt, staysOf, unrecordedMs } from './timeline.ts';
import { useRecordings } from './use-recordings.ts';
import { commandLine, visibleText } from './visible-text.ts';
import { Watch } from './watch.tsx';

export function SessionPage(props: { session: SessionView; nowMs: number; recordings: boolean }) {
  const { session, nowMs, recordings } = props;
  const stays = staysOf(session, nowMs);
  const wholeMs = lasted(session, nowMs);
  /** Undefined: at the end, and going with it. */
  const [scrubbedMs, setScrubbedMs] = useState<number>();
  const atMs = Math.min(scrubbedMs ?? wholeMs, wholeMs);
  const index = stayAt(stays, atMs);
  const steps = session.transitions.slice(0, index + 1);
  const current = stays[index]?.state;
  const gapMs = unrecordedMs(stays);
  const found = useRecordings(recordings ? session.id : undefined, session.endedAt);
  const joined = joinedMs(stays);
  return (
    <>
      <p class="crumbs">
        <a href={hrefOf({ view: 'sessions', filter: {} })}>Sessions</a> ›{' '}
        <bdi>{visibleText(`${session.namespace}/${session.pod}`)}</bdi>
      </p>
      <h1 class="command-title">
        <code>{commandLine(session.command) || session.type}</code>
      </h1>
      <p class="verdict">
        <Badge look={sessionLook(session)} strong />
        {session.outcome === undefined && <span class="dim">for {duration(wholeMs)}, still running</span>}
        {session.outcome !== undefined && <span class="dim">after {duration(wholeMs)}</span>}
        {gapMs > 0 && <span>{duration(gapMs)} of it are in no recording</span>}
        <StopSession session={session} />
      </p>
      {session.cause !== undefined && (
        <p class={`cause tone-${sessionLook(session).tone}`}>
          {visibleText(session.cause.message)} <code>{visibleText(session.cause.code)}</code>
        </p>
      )}
      <section class="panel" aria-label="Course">
        <Chart
          label="Statechart with the way this session took"
          taken={takenPath(chartLayouts.wide.arrows, steps)}
          {...(current === undefined ? {} : { current })}
        />
        <Scrubber stays={stays} wholeMs={wholeMs} atMs={atMs} state={current ?? ''} moved={setScrubbedMs} />
        <p class="dim now-at">
          at {duration(atMs)}: <b>{current}</b> {stateLook(current ?? '').says}
        </p>
      </section>
      <div class="columns">
        {session.endedAt === undefined ? (
          <Watch session={session} />
        ) : (
          <Playback
            found={found}
            atMs={joined === undefined || scrubbedMs === undefined ? undefined : scrubbedMs - joined}
            played={castMs => setScrubbedMs((joined ?? 0) + castMs)}
          />
        )}
        <div>
          <section class="panel">
            <h2>Steps</h2>
            <StepTable
              stays={stays}
              current={index}
              ended={session.endedAt !== undefined}
              chosen={setScrubbedMs}
            />
          </section>
          <section class="panel">
            <h2>Facts</h2>
            <SessionFacts session={session} nowMs={nowMs} />
          </section>
        </div>
      </div>
    </>
  );
}
