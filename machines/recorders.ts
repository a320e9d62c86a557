import type { EventObject } from 'xstate';
import { assign, setup, spawnChild } from 'xstate';
import { absentCallback } from './absent.ts';

export type RecordersEvent =
  | { readonly type: 'attempt.accepted'; readonly recorder: string }
  | { readonly type: 'attempt.failed'; readonly recorder: string };

export interface RecordersInput {
  readonly sessionId: string;
  /** `host:port` in the order in which they are to be tried. */
  readonly recorders: readonly string[];
}

export type RecordersOutput =
  | { readonly kind: 'accepted'; readonly recorder: string }
  | { readonly kind: 'exhausted' };

export interface AttemptInput {
  readonly sessionId: string;
  readonly recorder: string;
}

interface RecordersContext extends RecordersInput {
  /** How many of the list have been started. */
  readonly started: number;
  readonly failed: number;
  readonly accepted?: string;
}

/**
 * Walks the recorder list: a new attempt starts every `stagger`, or as soon as one fails; the first to accept wins and
 * the others are stopped with the machine. A dead first recorder so costs one stagger, not a time-out.
 */
export const recordersMachine = setup({
  types: {
    context: {} as RecordersContext,
    events: {} as RecordersEvent,
    input: {} as RecordersInput,
    output: {} as RecordersOutput,
  },
  actors: {
    attempt: absentCallback<EventObject, AttemptInput>('attempt'),
  },
  actions: {
    countFailure: assign({ failed: ({ context }) => context.failed + 1 }),
    keepAccepted: assign({ accepted: (_, { recorder }: { recorder: string }) => recorder }),
    countStart: assign({ started: ({ context }) => context.started + 1 }),
    // The ids must differ: children are kept by id, and one that is overwritten is never stopped.
    startNext: spawnChild('attempt', {
      id: ({ context }: { context: RecordersContext }) => `attempt-${context.started}`,
      input: ({ context }: { context: RecordersContext }) => ({
        sessionId: context.sessionId,
        recorder: context.recorders[context.started] ?? '',
      }),
    }),
  },
  guards: {
    hasNext: ({ context }) => context.started < context.recorders.length,
    wasLast: ({ context }) => context.failed + 1 >= context.recorders.length,
  },
  delays: { stagger: 250 },
}).createMachine({
  id: 'recorders',
  context: ({ input }) => ({ ...input, started: 0, failed: 0 }),
  initial: 'choosing',
  states: {
    choosing: { always: [{ guard: 'hasNext', target: 'dialling' }, { target: 'exhausted' }] },
    dialling: {
      entry: ['startNext', 'countStart'],
      after: { stagger: { guard: 'hasNext', target: 'dialling', reenter: true } },
      on: {
        'attempt.accepted': {
          target: 'accepted',
          actions: { type: 'keepAccepted', params: ({ event }) => ({ recorder: event.recorder }) },
        },
        'attempt.failed': [
          {
            guard: 'hasNext',
            target: 'dialling',
            reenter: true,
            actions: 'countFailure',
          },
          {
            guard: 'wasLast',
            target: 'exhausted',
            actions: 'countFailure',
          },
          { actions: 'countFailure' },
        ],
      },
    },
    accepted: { type: 'final' },
    exhausted: { type: 'final' },
  },
  output: ({ context }) =>
    context.accepted === undefined ? { kind: 'exhausted' } : { kind: 'accepted', recorder: context.accepted },
});
