import type { EventObject } from 'xstate';
import { assign, setup } from 'xstate';
import { absentCallback, absentPromise } from './absent.ts';
import type { FailedAttempt, RecordersOutput } from './recorders.ts';
import { recordersMachine } from './recorders.ts';

/**
 * One exec or attach session: who may, who records, the streams, and how it ends. State names and outcomes are a
 * contract: the page, the audit and the metrics use them (docs/session.md).
 *
 * The machine hears facts, some ten in a session's life; bytes never pass through it. Order is the point: identity,
 * decision, recorder accepted, and only then upstream.
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
  | { readonly type: 'recorder.failed'; readonly cause: Cause }
  | { readonly type: 'session.stopped'; readonly by: string };

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

interface SessionContext extends SessionInput {
  readonly failMode: FailMode;
  readonly recorders: readonly string[];
  readonly recorder?: string;
  readonly attempts: readonly FailedAttempt[];
  /** True once the client has its 101. */
  readonly joined: boolean;
  readonly outcome?: Outcome;
  /** The first cause wins. */
  readonly cause?: Cause;
}

const NO_RECORDER: Cause = {
  code: 'KW_RECORDER_UNAVAILABLE',
  message: 'no recorder accepted the recording, and your rules do not allow a session without one',
};
const NOT_CONFIRMED: Cause = {
  code: 'recorder.unconfirmed',
  message: 'the recorder did not confirm the whole recording',
};
const UPSTREAM_CUT = {
  outcome: 'aborted',
  cause: {
    code: 'upstream.cut',
    message: 'the API server ended the connection before the command had ended',
  },
} as const;

/** The actor that failed has logged why; the client is told no more than that it was us. */
const INTERNAL: Cause = { code: 'KW_INTERNAL', message: 'the proxy met an internal error' };

function refusalOf(decision: SessionDecision): Cause {
  return decision.kind === 'refuse' ? decision.cause : INTERNAL;
}

function recordingOf(decision: SessionDecision): { failMode: FailMode; recorders: readonly string[] } {
  return decision.kind === 'record' ? decision : { failMode: 'closed', recorders: [] };
}

export const sessionMachine = setup({
  types: {
    context: {} as SessionContext,
    events: {} as SessionEvent,
    input: {} as SessionInput,
    output: {} as SessionOutput,
    tags: {} as 'live' | 'recorded',
  },
  actors: {
    decide: absentPromise<SessionDecision, SessionInput>('decide'),
    connectRecorders: recordersMachine,
    relay: absentCallback<EventObject, SessionInput>('relay'),
    refuse: absentPromise<void, RefuseInput>('refuse'),
    finish: absentPromise<Finished, FinishInput>('finish'),
  },
  actions: {
    keepDecision: assign(
      (_, { failMode, recorders }: { failMode: FailMode; recorders: readonly string[] }) => ({
        failMode,
        recorders,
      }),
    ),
    keepRecorders: assign((_, output: RecordersOutput) => ({
      attempts: output.attempts,
      ...(output.kind === 'accepted' ? { recorder: output.recorder } : {}),
    })),
    keepJoined: assign({ joined: true }),
    /** The first outcome and the first cause stay. */
    endWith: assign(({ context }, end: { outcome: Outcome; cause?: Cause }) => {
      if (context.outcome !== undefined) return {};
      return end.cause === undefined ? { outcome: end.outcome } : { outcome: end.outcome, cause: end.cause };
    }),
    /** Before the 101 the client gets a refusal; after it a live session is terminated. */
    cutWith: assign(({ context }, { cause }: { cause: Cause }) =>
      context.outcome === undefined
        ? { outcome: context.joined ? ('terminated' as const) : ('refused' as const), cause }
        : {},
    ),
    losesRecording: assign(({ context }, { cause }: { cause: Cause }) =>
      context.outcome === 'recorded' ? { outcome: 'unrecorded' as const, cause } : {},
    ),
  },
  guards: {
    passes: (_, decision: SessionDecision) => decision.kind === 'pass',
    mustRecord: (_, decision: SessionDecision) => decision.kind === 'record',
    accepted: (_, output: RecordersOutput) => output.kind === 'accepted',
    failsOpen: ({ context }) => context.failMode === 'open',
    orderly: (_, { orderly }: { orderly: boolean }) => orderly,
    recordingComplete: (_, { recordingComplete }: Finished) => recordingComplete,
  },
  delays: {
    /** All attempts of one session together. */
    recorderLimit: 30_000,
    /** Last answer of the recorder, and the goodbye to the client. */
    finishLimit: 35_000,
    refuseLimit: 5_000,
  },
}).createMachine({
  id: 'session',
  context: ({ input }) => ({ ...input, failMode: 'closed', recorders: [], attempts: [], joined: false }),
  initial: 'deciding',
  on: {
    'session.stopped': {
      target: '.failingClosed',
      actions: {
        type: 'endWith',
        params: ({ event }) => ({
          outcome: 'stopped',
          cause: { code: 'KW_STOPPING', message: `the session was stopped by ${event.by}` },
        }),
      },
    },
    'client.left': {
      target: '.ending',
      actions: {
        type: 'endWith',
        params: { outcome: 'aborted', cause: { code: 'client.left', message: 'the client left' } },
      },
    },
  },
  states: {
    deciding: {
      invoke: {
        id: 'decide',
        src: 'decide',
        input: ({ context }) => ({ id: context.id }),
        onDone: [
          {
            guard: { type: 'passes', params: ({ event }) => event.output },
            target: 'joined.passing',
          },
          {
            guard: { type: 'mustRecord', params: ({ event }) => event.output },
            target: 'connectingRecorders',
            actions: { type: 'keepDecision', params: ({ event }) => recordingOf(event.output) },
          },
          {
            target: 'failingClosed',
            actions: { type: 'cutWith', params: ({ event }) => ({ cause: refusalOf(event.output) }) },
          },
        ],
        onError: {
          target: 'failingClosed',
          actions: { type: 'cutWith', params: { cause: INTERNAL } },
        },
      },
    },
    connectingRecorders: {
      invoke: {
        id: 'connectRecorders',
        src: 'connectRecorders',
        input: ({ context }) => ({ sessionId: context.id, recorders: context.recorders }),
        onDone: [
          {
            guard: { type: 'accepted', params: ({ event }) => event.output },
            target: 'joined.streaming',
            actions: { type: 'keepRecorders', params: ({ event }) => event.output },
          },
          {
            guard: 'failsOpen',
            target: 'joined.failingOpen',
            actions: { type: 'keepRecorders', params: ({ event }) => event.output },
          },
          {
            target: 'failingClosed',
            actions: [
              { type: 'keepRecorders', params: ({ event }) => event.output },
              { type: 'cutWith', params: { cause: NO_RECORDER } },
            ],
          },
        ],
        onError: [
          { guard: 'failsOpen', target: 'joined.failingOpen' },
          { target: 'failingClosed', actions: { type: 'cutWith', params: { cause: NO_RECORDER } } },
        ],
      },
      after: {
        recorderLimit: [
          { guard: 'failsOpen', target: 'joined.failingOpen' },
          { target: 'failingClosed', actions: { type: 'cutWith', params: { cause: NO_RECORDER } } },
        ],
      },
    },
    joined: {
      tags: ['live'],
      initial: 'passing',
      // The relay outlives "streaming -> failingOpen": it belongs to the state that spans both.
      invoke: {
        id: 'relay',
        src: 'relay',
        input: ({ context }) => ({ id: context.id }),
        onError: {
          target: 'failingClosed',
          actions: { type: 'cutWith', params: { cause: INTERNAL } },
        },
      },
      on: {
        'upstream.joined': { actions: 'keepJoined' },
        'upstream.refused': {
          target: 'ending',
          actions: { type: 'endWith', params: ({ event }) => ({ outcome: 'refused', cause: event.cause }) },
        },
        'upstream.failed': {
          target: 'failingClosed',
          actions: { type: 'cutWith', params: ({ event }) => ({ cause: event.cause }) },
        },
        'caller.violated': {
          target: 'failingClosed',
          actions: { type: 'cutWith', params: ({ event }) => ({ cause: event.cause }) },
        },
      },
      states: {
        passing: {
          on: {
            'upstream.ended': [
              {
                guard: { type: 'orderly', params: ({ event }) => event },
                target: '#session.ending',
                actions: { type: 'endWith', params: { outcome: 'passed' } },
              },
              { target: '#session.ending', actions: { type: 'endWith', params: UPSTREAM_CUT } },
            ],
            'client.left': {
              guard: { type: 'orderly', params: ({ event }) => event },
              target: '#session.ending',
              actions: { type: 'endWith', params: { outcome: 'passed' } },
            },
          },
        },
        streaming: {
          tags: ['recorded'],
          on: {
            'upstream.ended': [
              {
                guard: { type: 'orderly', params: ({ event }) => event },
                target: '#session.ending',
                actions: { type: 'endWith', params: { outcome: 'recorded' } },
              },
              { target: '#session.ending', actions: { type: 'endWith', params: UPSTREAM_CUT } },
            ],
            'client.left': {
              guard: { type: 'orderly', params: ({ event }) => event },
              target: '#session.ending',
              actions: { type: 'endWith', params: { outcome: 'recorded' } },
            },
            'recorder.failed': [
              { guard: 'failsOpen', target: 'failingOpen' },
              {
                target: '#session.failingClosed',
                actions: { type: 'cutWith', params: ({ event }) => ({ cause: event.cause }) },
              },
            ],
          },
        },
        failingOpen: {
          on: {
            'upstream.ended': [
              {
                guard: { type: 'orderly', params: ({ event }) => event },
                target: '#session.ending',
                actions: { type: 'endWith', params: { outcome: 'unrecorded' } },
              },
              { target: '#session.ending', actions: { type: 'endWith', params: UPSTREAM_CUT } },
            ],
            'client.left': {
              guard: { type: 'orderly', params: ({ event }) => event },
              target: '#session.ending',
              actions: { type: 'endWith', params: { outcome: 'unrecorded' } },
            },
          },
        },
      },
    },
    failingClosed: {
      invoke: {
        id: 'refuse',
        src: 'refuse',
        input: ({ context }) => ({ id: context.id, cause: context.cause ?? INTERNAL }),
        onDone: 'ending',
        onError: 'ending',
      },
      after: { refuseLimit: 'ending' },
      // The end is already decided: a second stop or a client that leaves now must not restart it.
      on: { 'session.stopped': {}, 'client.left': {} },
    },
    ending: {
      invoke: {
        id: 'finish',
        src: 'finish',
        input: ({ context }) => ({ id: context.id, keepRecording: context.joined }),
        onDone: [
          { guard: { type: 'recordingComplete', params: ({ event }) => event.output }, target: 'closed' },
          { target: 'closed', actions: { type: 'losesRecording', params: { cause: NOT_CONFIRMED } } },
        ],
        onError: {
          target: 'closed',
          actions: { type: 'losesRecording', params: { cause: INTERNAL } },
        },
      },
      after: {
        finishLimit: {
          target: 'closed',
          actions: { type: 'losesRecording', params: { cause: NOT_CONFIRMED } },
        },
      },
      on: { 'session.stopped': {}, 'client.left': {} },
    },
    closed: { type: 'final' },
  },
  output: ({ context }) => ({
    outcome: context.outcome ?? 'aborted',
    ...(context.cause === undefined ? {} : { cause: context.cause }),
  }),
});
