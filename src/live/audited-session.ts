import type { AuditRecord } from '../audit/record.ts';
import type { SessionView, Transition } from '../session/view.ts';
import type { Unrecorded } from './unrecorded.ts';
import { unrecordedIn } from './unrecorded.ts';

/** A session as its audit records tell it. */
export interface AuditedSession {
  readonly view: SessionView;
  readonly decision?: 'pass' | 'record' | 'refuse';
  /** What of it is in no recording, by the id of the record that said so. */
  readonly unrecorded: ReadonlyMap<string, Unrecorded>;
  /** Of the chain that the session is in: what is no later has been seen. */
  readonly replica: string;
  readonly seq: number;
}

/**
 * Adds one record. A record that was seen before changes nothing, so that reading and following may overlap. Undefined:
 * the session began before what was read.
 */
export function auditedSession(
  before: AuditedSession | undefined,
  record: AuditRecord,
): AuditedSession | undefined {
  if (before === undefined) return record.type === 'session.started' ? begun(record) : undefined;
  if (record.replica === before.replica && record.seq <= before.seq) return before;
  const said = unrecordedIn(record, before);
  const steps = stepsOf(record, before.view);
  return {
    ...before,
    ...(record.replica === before.replica ? { seq: record.seq } : {}),
    ...(record.type === 'session.decided' ? { decision: record.decision } : {}),
    ...(said === undefined ? {} : { unrecorded: new Map([...before.unrecorded, [record.id, said]]) }),
    view: { ...steps.reduce(stepped, before.view), ...learned(record) },
  };
}

type Of<Type extends AuditRecord['type']> = Extract<AuditRecord, { type: Type }>;

function begun(record: Of<'session.started'>): AuditedSession {
  const { sessionId, sessionType, time, user, target, command, tty, transport, replica, seq } = record;
  const first: Transition = { state: 'deciding', event: 'session.requested', at: time };
  return {
    replica,
    seq,
    unrecorded: new Map(),
    view: {
      id: sessionId,
      replica,
      type: sessionType,
      state: first.state,
      since: time,
      startedAt: time,
      caller: { user: user.name, groups: user.groups, source: user.source },
      namespace: target.namespace,
      pod: target.pod,
      ...(target.container === undefined ? {} : { container: target.container }),
      command,
      tty,
      protocol: { transport },
      transitions: [first],
    },
  };
}

/** The steps of the machine behind a record. That of the end tells those of which no other does. */
function stepsOf(record: AuditRecord, { startedAt }: SessionView): readonly Transition[] {
  const step = stepOf(record);
  if (step === undefined) return [];
  if (record.type !== 'session.ended') return [step];
  const last = (record.steps ?? []).map(({ state, event, atMs }) => ({
    state,
    event,
    at: new Date(Date.parse(startedAt) + atMs).toISOString(),
  }));
  return [...last, step];
}

/** Undefined: the record stands for none. */
function stepOf(record: AuditRecord): Transition | undefined {
  if (!('sessionId' in record)) return undefined;
  const at = record.time;
  switch (record.type) {
    case 'session.decided':
      return { state: AFTER_DECISION[record.decision], event: 'decide.done', at };
    case 'session.streaming':
      return {
        state: 'joined.streaming',
        event: record.previousState === 'joined.failingOpen' ? 'recorder.returned' : 'connectRecorders.done',
        at,
      };
    case 'recording.gap':
      return { state: 'joined.failingOpen', event: eventThatLost(record.previousState), at };
    case 'recording.failed':
      return record.action === 'denied' || record.action === 'terminated'
        ? { state: 'failingClosed', event: eventThatLost(record.state), at }
        : undefined;
    case 'caller.violated':
      return { state: 'failingClosed', event: 'caller.violated', at };
    case 'session.ended':
      return {
        state: 'closed',
        event: record.outcome === 'interrupted' ? 'process.gone' : 'finish.done',
        at,
      };
    default:
      return undefined;
  }
}

const AFTER_DECISION = {
  pass: 'joined.passing',
  record: 'connectingRecorders',
  refuse: 'failingClosed',
} as const;

function eventThatLost(state: string | undefined): string {
  return state === 'connectingRecorders' ? 'connectRecorders.done' : 'recorder.failed';
}

function stepped(view: SessionView, step: Transition): SessionView {
  if (step.state === view.state) return view;
  return { ...view, state: step.state, since: step.at, transitions: [...view.transitions, step] };
}

function learned(record: AuditRecord): Partial<SessionView> {
  switch (record.type) {
    case 'session.decided':
      return record.failMode === undefined ? {} : { failMode: record.failMode };
    case 'session.streaming':
      return record.recorder === undefined ? {} : { recorder: record.recorder };
    case 'session.ended': {
      const { time, outcome, cause, recorder, exitCode } = record;
      return {
        endedAt: time,
        outcome,
        ...(cause === undefined ? {} : { cause }),
        ...(recorder === undefined ? {} : { recorder }),
        ...(exitCode === undefined ? {} : { exitCode }),
      };
    }
    default:
      return {};
  }
}
