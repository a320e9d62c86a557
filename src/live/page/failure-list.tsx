import type { Failure } from './failures.ts';
import { clockTime } from './format.ts';
import { Badge } from './icon.tsx';
import { sessionLook } from './look.ts';
import { hrefOf } from './route.ts';
import { commandLine, visibleText } from './visible-text.ts';

/** Who, where, what, and, unless it stands above, why there is no recording of it. */
export function FailureList(props: { failures: readonly Failure[]; nowMs: number; why?: boolean }) {
  const { failures, nowMs, why = true } = props;
  return (
    <ul class="failure-list">
      {failures.map(({ session, reason, recorder, at }) => (
        <li key={session.id}>
          <a href={hrefOf({ view: 'session', id: session.id })}>
            <time dateTime={at}>{clockTime(at, nowMs)}</time>
            <Badge look={sessionLook(session)} />
            <span class="who">
              <bdi>{visibleText(session.caller.user)}</bdi> in{' '}
              <bdi>{visibleText(`${session.namespace}/${session.pod}`)}</bdi>
            </span>
            <code>{commandLine(session.command) || session.type}</code>
            {why && (
              <span class="why">
                {visibleText(reason)}
                {session.recorder !== undefined && <bdi class="dim under">{visibleText(recorder)}</bdi>}
              </span>
            )}
          </a>
        </li>
      ))}
    </ul>
  );
}
