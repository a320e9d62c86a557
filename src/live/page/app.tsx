import { useEffect, useState } from 'preact/hooks';
import type { Who } from '../role.ts';
import type { ConnectionState } from './connection.ts';
import { FailuresView } from './failures-view.tsx';
import { Overview } from './overview.tsx';
import { RecordingPage, RecordingsView } from './recordings-view.tsx';
import type { Route } from './route.ts';
import { hrefOf, parseRoute } from './route.ts';
import { SessionPage } from './session-page.tsx';
import { SessionsView } from './sessions-view.tsx';
import { SignIn, Visitor } from './sign-in.tsx';
import { useNow } from './use-now.ts';
import { visibleText } from './visible-text.ts';
import { NOBODY, WhoContext } from './who-context.ts';

const TABS: readonly (readonly [string, Route, readonly Route['view'][]])[] = [
  ['Overview', { view: 'overview' }, ['overview']],
  ['Sessions', { view: 'sessions', filter: {} }, ['sessions', 'session']],
  ['Not recorded', { view: 'failures' }, ['failures']],
  ['Recordings', { view: 'recordings', text: '' }, ['recordings', 'recording']],
];

export function App(props: {
  state: ConnectionState;
  who: Who | undefined;
  /** Somebody has signed in. */
  met: () => void;
  leave: () => void;
}) {
  const { state, who, met, leave } = props;
  const route = useRoute();
  const [asked, setAsked] = useState(false);
  useEffect(() => setAsked(false), [who?.user, route]);
  return (
    <WhoContext.Provider value={who ?? NOBODY}>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        To the content
      </button>
      <header class="top">
        <a class="brand" href={hrefOf({ view: 'overview' })}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <circle cx="16" cy="16" r="11" class="lens" />
            <circle cx="16" cy="16" r="4.6" class="pupil" />
          </svg>
          kubewitness
        </a>
        <nav aria-label="Views">
          {TABS.map(([name, to, views]) => (
            <a key={name} href={hrefOf(to)} aria-current={views.includes(route.view) ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        {(who === undefined || who.roles.length > 0) && <Wire status={state.status} />}
        {who !== undefined && <Visitor who={who} leave={leave} asked={() => setAsked(true)} />}
      </header>
      <main id="main" tabIndex={-1}>
        {who !== undefined && (asked || who.roles.length === 0) ? (
          <SignIn who={who} met={met} />
        ) : (
          <View route={route} state={state} auditor={who?.roles.includes('auditor') === true} />
        )}
      </main>
    </WhoContext.Provider>
  );
}

function View(props: { route: Route; state: ConnectionState; auditor: boolean }) {
  const { route, state, auditor } = props;
  const nowMs = useNow(state.skewMs);
  if (state.mirror === undefined) {
    return (
      <p class="panel empty">{state.status === 'lost' ? 'The proxy does not answer.' : 'Connecting …'}</p>
    );
  }
  const recordings = auditor && state.mirror.recordings;
  const sessions = [...state.mirror.sessions.values()];
  switch (route.view) {
    case 'overview':
      return <Overview sessions={sessions} nowMs={nowMs} />;
    case 'sessions':
      return <SessionsView sessions={sessions} filter={route.filter} nowMs={nowMs} />;
    case 'session': {
      const session = state.mirror.sessions.get(route.id);
      if (session !== undefined) {
        return <SessionPage key={route.id} session={session} nowMs={nowMs} recordings={recordings} />;
      }
      return (
        <p class="panel empty">
          The session <code>{visibleText(route.id)}</code> is not listed, or no longer: the audit file and the
          recorder still know it.
        </p>
      );
    }
    case 'failures':
      return <FailuresView sessions={sessions} nowMs={nowMs} />;
    case 'recordings':
      return <RecordingsView recordings={recordings} text={route.text} nowMs={nowMs} />;
    case 'recording':
      return <RecordingPage key={route.id} recordings={recordings} id={route.id} />;
  }
}

const WIRE = {
  connecting: ['work', 'connecting'],
  live: ['good', 'live'],
  lost: ['bad', 'connection lost, trying again'],
} as const;

function Wire({ status }: { status: ConnectionState['status'] }) {
  const [tone, says] = WIRE[status];
  return (
    <span class={`wire tone-${tone}`} role="status">
      <i aria-hidden="true" /> {says}
    </span>
  );
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const told = (): void => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', told);
    return () => removeEventListener('hashchange', told);
  }, []);
  useEffect(() => {
    if (route.view !== 'sessions' && route.view !== 'recordings') scrollTo(0, 0);
  }, [route.view]);
  return route;
}
