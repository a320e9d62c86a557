import type { SessionView } from '../../session/view.ts';
import { FailureList } from './failure-list.tsx';
import { failuresOf, grouped } from './failures.ts';
import { plural } from './format.ts';
import { visibleText } from './visible-text.ts';

/** What was not recorded and why, by cause and recorder. */
export function FailuresView({ sessions, nowMs }: { sessions: readonly SessionView[]; nowMs: number }) {
  const groups = grouped(failuresOf(sessions));
  return (
    <>
      <h1>Not recorded</h1>
      <p class="lead">
        Sessions that went on unrecorded, were ended in mid-session, or were refused for want of a recorder,
        as far as the proxy still lists them. The audit file has them all.
      </p>
      {groups.length === 0 && (
        <p class="panel empty">
          Every listed session that had to be recorded was recorded, or is being recorded.
        </p>
      )}
      {groups.map(({ code, reason, recorder, failures }) => (
        <section class="panel" key={`${code} ${recorder}`}>
          <header class="panel-head">
            <h2>{visibleText(reason)}</h2>
            <span class="dim">
              {plural(failures.length, 'session')} · recorder: <bdi>{visibleText(recorder)}</bdi>
            </span>
          </header>
          <FailureList failures={failures} nowMs={nowMs} why={false} />
        </section>
      ))}
    </>
  );
}
