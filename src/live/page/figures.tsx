import type { SessionView } from '../../session/view.ts';
import type { Failure } from './failures.ts';
import { Icon } from './icon.tsx';
import type { IconName, Tone } from './look.ts';
import type { Route } from './route.ts';
import { FAILURES_TODAY, hrefOf } from './route.ts';

/** The answers to the first questions, each a link to the sessions behind it. */
export function Figures({
  sessions,
  failures,
}: {
  sessions: readonly SessionView[];
  failures: readonly Failure[];
}) {
  const live = sessions.filter(({ endedAt }) => endedAt === undefined);
  const inState = (state: string): number => live.filter(session => session.state === state).length;
  const open = inState('joined.failingOpen');
  return (
    <ul class="figures">
      <Figure
        value={live.length}
        says="live"
        icon="dots"
        tone="work"
        to={{ view: 'sessions', filter: { outcome: 'live' } }}
      />
      <Figure
        value={inState('joined.streaming')}
        says="being recorded"
        icon="dot"
        tone="good"
        to={{ view: 'sessions', filter: { state: 'joined.streaming' } }}
      />
      <Figure
        value={open}
        says="unrecorded now"
        icon={open === 0 ? 'check' : 'triangle'}
        tone={open === 0 ? 'quiet' : 'warn'}
        to={{ view: 'sessions', filter: { state: 'joined.failingOpen' } }}
      />
      <Figure
        value={failures.length}
        says="not recorded, of those listed"
        icon={failures.length === 0 ? 'check' : 'octagon'}
        tone={failures.length === 0 ? 'quiet' : 'bad'}
        to={FAILURES_TODAY}
      />
    </ul>
  );
}

function Figure(props: { value: number; says: string; icon: IconName; tone: Tone; to: Route }) {
  const { value, says, icon, tone, to } = props;
  return (
    <li>
      <a class={`figure tone-${tone}`} href={hrefOf(to)}>
        <Icon name={icon} />
        <b>{value}</b>
        <span>{says}</span>
      </a>
    </li>
  );
}
