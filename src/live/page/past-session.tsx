import { fetchPast } from './history-api.ts';
import { SessionPage } from './session-page.tsx';
import { useFetched } from './use-fetched.ts';
import { visibleText } from './visible-text.ts';

/** A session that the proxy has ceased to list, as the audit tells it. */
export function PastSession({ id, nowMs, recordings }: { id: string; nowMs: number; recordings: boolean }) {
  const past = useFetched(id, undefined, fetchPast);
  if (past.kind === 'looking') return <p class="panel empty">Reading the audit …</p>;
  if (past.kind === 'failed') {
    return <p class="panel empty tone-bad">The audit could not be read: {visibleText(past.why)}</p>;
  }
  if (past.value.session === undefined) {
    return (
      <p class="panel empty">
        The session <code>{visibleText(id)}</code> is neither listed nor in this proxy's audit.
      </p>
    );
  }
  // Whatever it does, it does not do it here.
  const session = { ...past.value.session, elsewhere: true } as const;
  return <SessionPage session={session} nowMs={nowMs} recordings={recordings} />;
}
