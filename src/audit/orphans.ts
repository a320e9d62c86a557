import { readLine } from './chain.ts';
import { auditFiles } from './lines.ts';
import { linesSync } from './lines-sync.ts';
import type { AuditEvent, AuditLastAcked, AuditRecord } from './record.ts';
import type { AuditClient, AuditUser } from './schema.ts';

type SessionRecord = Extract<AuditRecord, { sessionId: string; target: unknown }>;

interface Open {
  readonly started: SessionRecord;
  last: SessionRecord;
  lastAcked: AuditLastAcked | undefined;
}

/** Sessions that began and have no end, as a crash leaves them. Records are told in order. */
export class OpenSessions {
  readonly #open = new Map<string, Open>();

  see(record: AuditRecord): void {
    if (!('sessionId' in record) || !('target' in record)) return;
    if (record.type === 'session.ended') {
      this.#open.delete(record.sessionId);
      return;
    }
    if (record.type === 'session.started') {
      this.#open.set(record.sessionId, { started: record, last: record, lastAcked: undefined });
      return;
    }
    const open = this.#open.get(record.sessionId);
    if (open === undefined) return;
    open.last = record;
    if ('lastAcked' in record) open.lastAcked = record.lastAcked;
  }

  /** Their ends, as far as anything is known of them. */
  ends(): AuditEvent[] {
    return [...this.#open.values()].map(interrupted);
  }
}

/** The ends that the sessions of an audit file still need. */
export function interruptedSessions(file: string): AuditEvent[] {
  const sessions = new OpenSessions();
  for (const part of auditFiles(file)) {
    for (const line of linesSync(part)) {
      // Most lines are of no session, or need no closer look.
      if (!line.includes('"sessionId":')) continue;
      const read = readLine(line);
      if (read !== undefined) sessions.see(read.record);
    }
  }
  return sessions.ends();
}

function interrupted({ started, last, lastAcked }: Open): AuditEvent {
  return {
    type: 'session.ended',
    sessionId: started.sessionId,
    subject: subjectOf(started),
    target: started.target,
    outcome: 'interrupted',
    cause: { code: 'KW_INTERRUPTED', message: 'the proxy ended without an end of this session' },
    ...('state' in last && last.state !== undefined ? { state: last.state } : {}),
    durationMs: Math.max(Date.parse(last.time) - Date.parse(started.time), 0),
    gaps: [],
    unrecordedMs: 0,
    unrecordedBytes: 0,
    ...(lastAcked === undefined ? {} : { lastAcked }),
  };
}

function subjectOf({ user, client }: { readonly user: AuditUser; readonly client: AuditClient }) {
  return {
    user: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    source: user.source,
    ...(user.device === undefined ? {} : { device: user.device }),
    ...(user.original === undefined ? {} : { original: user.original }),
    ...(client.ip === undefined ? {} : { address: client.ip }),
    ...(client.userAgent === undefined ? {} : { userAgent: client.userAgent }),
  };
}
