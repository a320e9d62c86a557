/**
 * The words that the session machine and its surroundings share. State names, outcomes and events are a contract: the
 * page, the audit and the metrics use them (docs/session.md).
 */
export type FailMode = 'open' | 'closed';

export type Outcome =
  | 'recorded'
  | 'unrecorded' // went on without a complete recording
  | 'passed' // no rule asks for a recording
  | 'refused' // by policy, for want of a recorder, or by upstream
  | 'terminated' // ended by us in mid-session
  | 'aborted' // a side left before the command had ended
  | 'stopped'; // drain or operator

/** Why a session ends: a stable code and a sentence for people. */
export interface Cause {
  readonly code: string;
  readonly message: string;
}

export type SessionDecision =
  | { readonly kind: 'pass' }
  | { readonly kind: 'record'; readonly failMode: FailMode; readonly recorders: readonly string[] }
  | { readonly kind: 'refuse'; readonly cause: Cause };

export type SessionEvent =
  | { readonly type: 'upstream.joined' }
  | { readonly type: 'upstream.refused'; readonly cause: Cause }
  | { readonly type: 'upstream.failed'; readonly cause: Cause }
  | { readonly type: 'upstream.ended'; readonly orderly: boolean }
  | { readonly type: 'client.left'; readonly orderly: boolean }
  | { readonly type: 'caller.violated'; readonly cause: Cause }
  /** The recorder is gone, and others may take over. */
  | { readonly type: 'recorder.lost' }
  /** The recording cannot be handed over: the policy decides. */
  | { readonly type: 'recorder.failed'; readonly cause: Cause }
  /** A recorder took the recording of a session that had failed open. */
  | { readonly type: 'recorder.returned'; readonly recorder: string }
  /** What the rules let go on unrecorded is used up. */
  | { readonly type: 'budget.spent'; readonly cause: Cause }
  | { readonly type: 'session.stopped'; readonly cause: Cause };

export interface SessionInput {
  readonly id: string;
}

export interface SessionOutput {
  readonly outcome: Outcome;
  readonly cause?: Cause;
}

/** What `finish` found: whether the recorder confirmed the whole recording. */
export interface Finished {
  readonly recordingComplete: boolean;
}

export interface RefuseInput extends SessionInput {
  readonly cause: Cause;
}

export interface FinishInput extends SessionInput {
  /** False: the session came to nothing, so the upload is reset rather than ended. */
  readonly keepRecording: boolean;
}
