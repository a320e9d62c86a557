import type { EventObject } from 'xstate';
import { assign, setup } from 'xstate';
import { absentCallback, absentPromise } from './absent.ts';
import type { RecordersOutput } from './recorders.ts';
import { recordersMachine } from './recorders.ts';
import type {
  Cause,
  FailMode,
  Finished,
  FinishInput,
  Outcome,
  RefuseInput,
  SessionDecision,
  SessionEvent,
  SessionInput,
  SessionOutput,
} from './session-contract.ts';

export type * from './session-contract.ts';

/**
 * One exec or attach session: who may, who records, the streams, and how it ends. State names and outcomes are a
 * contract: the page, the audit and the metrics use them (docs/session.md).
 *
 * The machine hears facts, some ten in a session's life; bytes never pass through it. Order is the point: identity,
 * decision, recorder accepted, and only then upstream.
 */
interface SessionContext extends SessionInput {
  readonly failMode: FailMode;
  readonly recorders: readonly string[];
  readonly recorder?: string;
  /** True once the client has its 101. */
  readonly joined: boolean;
  /** Part of the session is in no recording. */
  readonly gap: boolean;
  readonly outcome?: Outcome;
  /** The first cause wins. */
  readonly cause?: Cause;
}

const NO_RECORDER: Cause = {
  code: 'KW_RECORDER_UNAVAILABLE',
  message: 'no recorder accepted the recording, and your rules do not allow a session without one',
};
/** Said by the session too, where no hand-over is tried. */
export const RECORDER_LOST: Cause = {
  code: 'KW_RECORDER_LOST',
  message: 'the recorder was lost, and your rules do not allow a session without one',
};
const BUDGET_SPENT: Cause = {
  code: 'KW_FAIL_OPEN_BUDGET',
  message: 'no recorder has the session, and what your rules let go on unrecorded is used up',
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

/** What every want of a recorder comes to. */
function byFailMode(cause: Cause) {
  return [
    {
      guard: 'budgetSpent',
      target: '#session.failingClosed',
      actions: { type: 'cutWith', params: { cause: BUDGET_SPENT } },
    },
    { guard: 'failsOpen', target: '#session.joined.failingOpen' },
    { target: '#session.failingClosed', actions: { type: 'cutWith', params: { cause } } },
  ] as const;
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
    reconnect: absentCallback<EventObject, SessionInput>('reconnect'),
    meter: absentCallback<EventObject, SessionInput>('meter'),
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
    keepRecorder: assign((_, output: RecordersOutput) =>
      output.kind === 'accepted' ? { recorder: output.recorder } : {},
    ),
    keepJoined: assign({ joined: true }),
    keepGap: assign({ gap: true }),
    /** The command ended. `recorded` is said only of a session without a gap; `finish` may still take it back. */
    endOrderly: assign(({ context }) => {
      if (context.outcome !== undefined) return {};
      if (context.recorders.length === 0) return { outcome: 'passed' as const };
      return { outcome: context.gap ? ('unrecorded' as const) : ('recorded' as const) };
    }),
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
    /** Provided where rules have a budget: whether it has no room for this session, which would fail open. */
    budgetSpent: () => false,
    orderly: (_, { orderly }: { orderly: boolean }) => orderly,
    recordingComplete: (_, { recordingComplete }: Finished) => recordingComplete,
  },
  delays: {
    /** All attempts of one session together. */
    recorderLimit: 30_000,
    /** To hand a recording over, while the stream waits. */
    handoverLimit: 5_000,
    /** Last answer of the recorder, and the goodbye to the client. */
    finishLimit: 35_000,
    refuseLimit: 5_000,
  },
}).createMachine({
  id: 'session',
  context: ({ input }) => ({
    ...input,
    failMode: 'closed',
    recorders: [],
    attempts: [],
    joined: false,
    gap: false,
  }),
  initial: 'deciding',
  on: {
    'session.stopped': {
      target: '.failingClosed',
      actions: {
        type: 'endWith',
        params: ({ event }) => ({ outcome: 'stopped', cause: event.cause }),
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
            actions: { type: 'keepRecorder', params: ({ event }) => event.output },
          },
          ...byFailMode(NO_RECORDER),
        ],
        onError: [...byFailMode(NO_RECORDER)],
      },
      after: {
        recorderLimit: [...byFailMode(NO_RECORDER)],
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
        'upstream.ended': [
          {
            guard: { type: 'orderly', params: ({ event }) => event },
            target: 'ending',
            actions: 'endOrderly',
          },
          { target: 'ending', actions: { type: 'endWith', params: UPSTREAM_CUT } },
        ],
        'client.left': {
          guard: { type: 'orderly', params: ({ event }) => event },
          target: 'ending',
          actions: 'endOrderly',
        },
      },
      states: {
        passing: {},
        streaming: {
          tags: ['recorded'],
          initial: 'recording',
          on: {
            'recorder.failed': [
              {
                guard: 'budgetSpent',
                target: '#session.failingClosed',
                actions: { type: 'cutWith', params: { cause: BUDGET_SPENT } },
              },
              { guard: 'failsOpen', target: 'failingOpen' },
              {
                target: '#session.failingClosed',
                actions: { type: 'cutWith', params: ({ event }) => ({ cause: event.cause }) },
              },
            ],
          },
          states: {
            recording: { on: { 'recorder.lost': 'handingOver' } },
            handingOver: {
              // The stream waits; what is not confirmed is kept, and the next recorder gets it.
              invoke: {
                id: 'handOver',
                src: 'connectRecorders',
                input: ({ context }) => ({
                  sessionId: context.id,
                  // The one that was just lost comes last.
                  recorders: [
                    ...context.recorders.filter(recorder => recorder !== context.recorder),
                    ...context.recorders.filter(recorder => recorder === context.recorder),
                  ],
                }),
                onDone: [
                  {
                    guard: { type: 'accepted', params: ({ event }) => event.output },
                    target: 'recording',
                    actions: { type: 'keepRecorder', params: ({ event }) => event.output },
                  },
                  ...byFailMode(RECORDER_LOST),
                ],
                onError: [...byFailMode(RECORDER_LOST)],
              },
              after: {
                handoverLimit: [...byFailMode(RECORDER_LOST)],
              },
            },
          },
        },
        failingOpen: {
          entry: 'keepGap',
          invoke: [
            // Goes on trying, and tells when a recorder has taken the rest.
            {
              id: 'reconnect',
              src: 'reconnect',
              input: ({ context }) => ({ id: context.id }),
              onError: {
                target: '#session.failingClosed',
                actions: { type: 'cutWith', params: { cause: INTERNAL } },
              },
            },
            // Counts the time, and tells when it is used up.
            {
              id: 'meter',
              src: 'meter',
              input: ({ context }) => ({ id: context.id }),
              onError: {
                target: '#session.failingClosed',
                actions: { type: 'cutWith', params: { cause: INTERNAL } },
              },
            },
          ],
          on: {
            'budget.spent': {
              target: '#session.failingClosed',
              actions: { type: 'cutWith', params: ({ event }) => ({ cause: event.cause }) },
            },
            'recorder.returned': {
              target: 'streaming',
              actions: {
                type: 'keepRecorder',
                params: ({ event }) => ({ kind: 'accepted', recorder: event.recorder }),
              },
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
