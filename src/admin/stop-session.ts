import type { Cause } from '../../machines/session.ts';
import type { AuditSink } from '../audit/record.ts';
import { WitnessError } from '../errors.ts';
import type { SessionView } from '../session/view.ts';
import type { Visitor } from './access.ts';

/** Characters. It has to fit into the Status beside the rest. */
const MAX_REASON = 200;
/** What is being ended already. */
const ENDING: ReadonlySet<string> = new Set(['failingClosed', 'ending', 'closed']);

export interface StoppableSessions {
  get(id: string): SessionView | undefined;
  stop(id: string, cause: Cause): void;
}

/**
 * Ends a live session in an operator's name: first the audit, then the session, whose client is told who and why. An
 * audit that fails stops nobody from stopping. Throws KW_NOT_FOUND, KW_CONFLICT or KW_BAD_REQUEST.
 */
export function stopSession(
  sessions: StoppableSessions,
  audit: AuditSink,
  { id, body, visitor }: { readonly id: string; readonly body: unknown; readonly visitor: Visitor },
): SessionView {
  const reason = reasonIn(body);
  const view = sessions.get(id);
  if (view === undefined) throw new WitnessError('KW_NOT_FOUND', 'this replica has no such session');
  if (ENDING.has(view.state)) throw new WitnessError('KW_CONFLICT', 'the session is over, or is being ended');
  audit.write({
    type: 'session.stopped',
    subject: visitor.subject,
    sessionId: id,
    ...(reason === undefined ? {} : { reason }),
  });
  const by =
    visitor.caller === undefined ? "an operator on the proxy's own machine" : plain(visitor.caller.user);
  const why = reason === undefined ? '' : `: ${reason}`;
  sessions.stop(id, { code: 'KW_STOPPED', message: `the session was stopped by ${by}${why}` });
  return sessions.get(id) ?? view;
}

/** The client prints it into a terminal: letters and the like, nothing that acts. */
function reasonIn(body: unknown): string | undefined {
  if (body === undefined) return undefined;
  const reason = typeof body === 'object' && body !== null && 'reason' in body ? body.reason : undefined;
  if (reason === undefined) return undefined;
  if (typeof reason !== 'string' || reason.length > MAX_REASON || plain(reason) !== reason) {
    throw new WitnessError(
      'KW_BAD_REQUEST',
      `the reason must be text of one line, ${MAX_REASON} characters at most`,
    );
  }
  return reason.trim() === '' ? undefined : reason.trim();
}

/** Controls, formatting characters, line separators and halves of characters as question marks. */
function plain(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
