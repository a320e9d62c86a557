import type { SessionView } from '../session/view.ts';
import type { FeedMessage } from './feed-message.ts';

/** The sessions of the server as one viewer knows them. */
export interface Mirror {
  readonly seq: number;
  readonly recordings: boolean;
  readonly sandbox: boolean;
  /** By id; in the order in which they were first heard of. */
  readonly sessions: ReadonlyMap<string, SessionView>;
}

/** Applies one message. Undefined: something was missed, and only a new snapshot helps. */
export function mirrored(mirror: Mirror | undefined, message: FeedMessage): Mirror | undefined {
  if (message.type === 'snapshot') {
    const { seq, recordings, sandbox, sessions } = message;
    return { seq, recordings, sandbox, sessions: new Map(sessions.map(session => [session.id, session])) };
  }
  if (mirror === undefined) return undefined;
  if (message.type === 'beat') return message.seq === mirror.seq ? mirror : undefined;
  if (message.seq !== mirror.seq + 1) return undefined;
  const sessions = new Map(mirror.sessions);
  for (const session of message.sessions) sessions.set(session.id, session);
  for (const id of message.forgotten) sessions.delete(id);
  return { ...mirror, seq: message.seq, sessions };
}
