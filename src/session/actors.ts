import { setTimeout as sleep } from 'node:timers/promises';
import type { EventObject } from 'xstate';
import { fromCallback, fromPromise } from 'xstate';
import type { AttemptInput } from '../../machines/recorders.ts';
import { recordersMachine } from '../../machines/recorders.ts';
import type {
  Finished,
  FinishInput,
  RefuseInput,
  SessionDecision,
  SessionInput,
} from '../../machines/session.ts';
import { sessionMachine } from '../../machines/session.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Session } from './session.ts';

/** Bounds of a session's waits. Milliseconds. */
export interface SessionLimits {
  /** Between the starts of two attempts to reach a recorder. */
  readonly staggerMs: number;
  /** All attempts of one session together. */
  readonly connectMs: number;
  /** To hand a recording over to another recorder, while the stream waits. */
  readonly handoverMs: number;
  /** Failing open: before the first try to find a recorder again; doubled after each, up to a minute. */
  readonly retryMs: number;
  /** The recorder's last answer, when the session is over. */
  readonly finishMs: number;
}

const MAX_RETRY_MS = 60_000;

export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  staggerMs: 250,
  connectMs: 30_000,
  handoverMs: 5_000,
  retryMs: 2_000,
  finishMs: 35_000,
};

/**
 * The session machine with its real work. Called once per process: providing rebuilds the machine's tree. The actors
 * find their session by id, so that the machine's context stays plain data.
 */
export function provideSessionMachine(find: (id: string) => Session, log: Logger) {
  /** An actor that fails is a fault of ours: the machine tells the client no more than that, so it is said here. */
  const guarded = <Output>(
    actor: string,
    id: string,
    work: () => Output | Promise<Output>,
  ): Promise<Output> =>
    new Promise<Output>(resolve => resolve(work())).catch((error: unknown) => {
      log.error({ session: id, actor, error: messageOf(error) }, 'session actor failed');
      throw error;
    });

  const recorders = recordersMachine.provide({
    actors: {
      attempt: fromCallback<EventObject, AttemptInput>(({ sendBack, input }) => {
        const controller = new AbortController();
        find(input.sessionId)
          .tryRecorder(input.recorder, controller.signal)
          .then(
            () => sendBack({ type: 'attempt.accepted', recorder: input.recorder }),
            () => sendBack({ type: 'attempt.failed', recorder: input.recorder }),
          );
        return () => controller.abort();
      }),
    },
    delays: { stagger: ({ context }) => find(context.sessionId).limits.staggerMs },
  });

  return sessionMachine.provide({
    actors: {
      decide: fromPromise<SessionDecision, SessionInput>(({ input }) =>
        guarded('decide', input.id, () => find(input.id).decide()),
      ),
      connectRecorders: recorders,
      relay: fromCallback<EventObject, SessionInput>(({ input }) => {
        const controller = new AbortController();
        const session = find(input.id);
        void session.run(controller.signal);
        return () => {
          controller.abort();
          session.stopRelay();
        };
      }),
      reconnect: fromCallback<EventObject, SessionInput>(({ input, sendBack }) => {
        const controller = new AbortController();
        const session = find(input.id);
        session.goOnUnrecorded();
        void findRecorder(session, session.limits.retryMs, controller.signal).then(recorder => {
          if (recorder !== undefined) sendBack({ type: 'recorder.returned', recorder });
        });
        return () => controller.abort();
      }),
      meter: fromCallback<EventObject, SessionInput>(({ input }) => find(input.id).countUnrecorded()),
      refuse: fromPromise<void, RefuseInput>(({ input }) =>
        guarded('refuse', input.id, () => find(input.id).refuse(input.cause)),
      ),
      finish: fromPromise<Finished, FinishInput>(({ input }) =>
        guarded('finish', input.id, () => find(input.id).finish(input.keepRecording)),
      ),
    },
    guards: {
      budgetSpent: ({ context }) => find(context.id).mayNotFailOpen(),
    },
    delays: {
      recorderLimit: ({ context }) => find(context.id).limits.connectMs,
      handoverLimit: ({ context }) => find(context.id).limits.handoverMs,
      finishLimit: ({ context }) => find(context.id).limits.finishMs,
    },
  });
}

/** Tries all recorders of a session again and again, ever less often. Undefined: it was called off. */
async function findRecorder(
  session: Session,
  retryMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (let waitMs = retryMs; ; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
    await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    for (const recorder of session.recorders) {
      if (signal.aborted) return undefined;
      const accepted = await session.tryRecorder(recorder, signal).then(
        () => true,
        () => false,
      );
      if (accepted && !signal.aborted) return recorder;
    }
  }
}
