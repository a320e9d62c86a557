import { sessionLook } from './look.ts';
import { hrefOf } from './route.ts';
import type { Token } from './tokens.ts';
import { commandLine, visibleText } from './visible-text.ts';

/**
 * One mark for each session, kept by its id, so that a change of state is a move. Out of the order of the keyboard, which
 * has the states and the table: two hundred stops would be no help.
 */
export function TokenLayer({ tokens }: { tokens: readonly Token[] }) {
  return (
    <g class="tokens">
      {tokens.map(({ session, x, y }) => {
        const look = sessionLook(session);
        const gone = session.endedAt === undefined ? '' : ' gone';
        return (
          <a
            key={session.id}
            class={`token tone-${look.tone}${gone}`}
            style={{ transform: `translate(${x}px, ${y}px)` }}
            href={hrefOf({ view: 'session', id: session.id })}
            tabIndex={-1}
            data-session={session.id}
          >
            <title>{`${visibleText(session.caller.user)} · ${visibleText(session.pod)} · ${commandLine(session.command)}`}</title>
            <path d={MARKS[look.tone]} />
          </a>
        );
      })}
    </g>
  );
}

/** Round is well; edges are not. */
const MARKS = {
  good: 'M0-5a5 5 0 1 0 0 10a5 5 0 1 0 0-10z',
  work: 'M0-4a4 4 0 1 0 0 8a4 4 0 1 0 0-8z',
  quiet: 'M0-4a4 4 0 1 0 0 8a4 4 0 1 0 0-8z',
  warn: 'M0-6L6 5H-6z',
  bad: 'M-2.2-5.4h4.4l3.2 3.2v4.4l-3.2 3.2h-4.4l-3.2-3.2v-4.4z',
} as const;
