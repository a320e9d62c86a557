import type { SessionView } from '../../session/view.ts';

/** A session whose recording failed, or that could not be for want of one. */
export interface Failure {
  readonly session: SessionView;
  /** Stable, for grouping. */
  readonly code: string;
  /** One sentence for people. */
  readonly reason: string;
  readonly recorder: string;
  /** RFC 3339, UTC: when it came to that. */
  readonly at: string;
}

export interface FailureGroup {
  readonly code: string;
  readonly reason: string;
  readonly recorder: string;
  /** Newest first. */
  readonly failures: readonly Failure[];
}

/** What the event that led to `joined.failingOpen` means. */
const OPENED_BY: Readonly<Record<string, string>> = {
  'connectRecorders.done': 'no recorder accepted the recording',
  'connectRecorders.failed': 'no recorder accepted the recording',
  'recorderLimit.passed': 'no recorder accepted the recording in time',
  'recorder.failed': 'the recorder was lost and could not be replaced',
  'handOver.done': 'the recorder was lost and no other accepted the rest',
  'handOver.failed': 'the recorder was lost and no other accepted the rest',
  'handoverLimit.passed': 'the recorder was lost and no other accepted the rest in time',
};
const RECORDER_CODES = ['KW_RECORDER_UNAVAILABLE', 'KW_RECORDER_LOST', 'KW_FAIL_OPEN_BUDGET'];

/** Undefined: the session is recorded, or nothing asks for it, or it came to nothing for another reason. */
export function failureOf(session: SessionView): Failure | undefined {
  const { outcome, cause, recorder = 'none accepted', transitions, state, since } = session;
  const opened = transitions.find(step => step.state === 'joined.failingOpen');
  if (outcome === 'unrecorded' || (outcome !== 'terminated' && opened !== undefined)) {
    return {
      session,
      code: opened === undefined ? (cause?.code ?? 'unknown') : `open:${opened.event}`,
      reason: (opened === undefined ? cause?.message : OPENED_BY[opened.event]) ?? 'the recording failed',
      recorder,
      at: opened?.at ?? since,
    };
  }
  const closed = transitions.find(step => step.state === 'failingClosed')?.at ?? since;
  const lacking = cause !== undefined && RECORDER_CODES.includes(cause.code);
  if (outcome === 'terminated' || (outcome === 'refused' && lacking)) {
    return {
      session,
      code: cause?.code ?? 'unknown',
      reason: cause?.message ?? 'the session was ended',
      recorder,
      at: closed,
    };
  }
  if (state !== 'failingClosed' || !lacking) return undefined;
  return { session, code: cause.code, reason: cause.message, recorder, at: closed };
}

/** Newest first. */
export function failuresOf(sessions: Iterable<SessionView>): Failure[] {
  return [...sessions].flatMap(session => failureOf(session) ?? []).sort((a, b) => b.at.localeCompare(a.at));
}

/** By cause and recorder, the most frequent first. */
export function grouped(failures: readonly Failure[]): FailureGroup[] {
  const groups = new Map<string, Failure[]>();
  for (const failure of failures) {
    const key = `${failure.code}\n${failure.recorder}`;
    groups.set(key, [...(groups.get(key) ?? []), failure]);
  }
  return [...groups.values()]
    .flatMap(members => {
      const first = members[0];
      return first === undefined
        ? []
        : [{ code: first.code, reason: first.reason, recorder: first.recorder, failures: members }];
    })
    .sort((a, b) => b.failures.length - a.failures.length);
}
