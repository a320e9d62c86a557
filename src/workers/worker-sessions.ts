import { EventEmitter } from 'eventemitter3';
import type { Cause } from '../../machines/session.ts';
import type { Clock } from '../clock.ts';
import type { LiveCastRoom } from '../recording/live-cast.ts';
import { LiveCast } from '../recording/live-cast.ts';
import type { KeepEnded } from '../session/ended-sessions.ts';
import { EndedSessions } from '../session/ended-sessions.ts';
import type { SessionView } from '../session/view.ts';
import type { FromPrimary } from './protocol.ts';

export interface WorkerSessionsOptions {
  readonly clock: Clock;
  readonly keepEnded: () => KeepEnded;
  /** What is kept for those who watch. */
  readonly liveCastRoom: LiveCastRoom;
  readonly say: (worker: number, message: FromPrimary) => void;
}

interface Live {
  readonly worker: number;
  readonly view: SessionView;
}

/**
 * The sessions of all workers as the primary knows them: for the page, the API and the metrics. What is asked of one goes
 * to the worker that has it. `changed` as a registry tells it.
 */
export class WorkerSessions extends EventEmitter<{ changed: [SessionView] }> {
  readonly #options: WorkerSessionsOptions;
  readonly #live = new Map<string, Live>();
  readonly #ended: EndedSessions;
  /** Of sessions that somebody watches. */
  readonly #casts = new Map<string, LiveCast>();
  draining = false;

  constructor(options: WorkerSessionsOptions) {
    super();
    this.#options = options;
    this.#ended = new EndedSessions(options.clock, options.keepEnded);
  }

  /** Live sessions first, oldest first; then the ended ones that are still kept. */
  list(): SessionView[] {
    return [...[...this.#live.values()].map(({ view }) => view), ...this.#ended.list()];
  }

  get(id: string): SessionView | undefined {
    return this.#live.get(id)?.view ?? this.#ended.get(id);
  }

  /** Ends a live session visibly, in its worker; the client is told the cause. */
  stop(sessionId: string, cause: Cause): void {
    const live = this.#live.get(sessionId);
    if (live !== undefined) this.#options.say(live.worker, { kind: 'stop', sessionId, cause });
  }

  /** From here on the worker sends its cast, until a line comes that nobody hears. Undefined: none is being recorded. */
  liveCast(sessionId: string): LiveCast | undefined {
    const live = this.#live.get(sessionId);
    if (live === undefined || !isRecorded(live.view)) return undefined;
    const known = this.#casts.get(sessionId);
    if (known !== undefined) return known;
    const cast = new LiveCast(this.#options.liveCastRoom);
    this.#casts.set(sessionId, cast);
    this.#options.say(live.worker, { kind: 'watch', sessionId });
    return cast;
  }

  /** A worker's session has taken a step. */
  saw(worker: number, view: SessionView): void {
    if (view.endedAt === undefined) this.#live.set(view.id, { worker, view });
    else {
      this.#live.delete(view.id);
      this.#ended.add(view);
    }
    this.emit('changed', view);
  }

  castLines(worker: number, sessionId: string, lines: readonly string[]): void {
    const cast = this.#casts.get(sessionId);
    if (cast === undefined) return;
    if (cast.listenerCount('line') === 0) {
      this.castOver(sessionId, 'ended');
      this.#options.say(worker, { kind: 'unwatch', sessionId });
      return;
    }
    for (const line of lines) cast.line(Buffer.from(line));
  }

  castOver(sessionId: string, how: 'ended' | 'cut'): void {
    this.#casts.get(sessionId)?.end(how);
    this.#casts.delete(sessionId);
  }

  /** A worker has died, and its sessions with it. */
  gone(worker: number): void {
    const at = new Date(this.#options.clock.now()).toISOString();
    for (const { view } of [...this.#live.values()].filter(live => live.worker === worker)) {
      this.castOver(view.id, 'ended');
      this.saw(worker, {
        ...view,
        state: 'closed',
        since: at,
        endedAt: at,
        outcome: 'interrupted',
        cause: INTERRUPTED,
        transitions: [...view.transitions, { state: 'closed', event: 'worker.died', at }],
      });
    }
  }
}

export const INTERRUPTED: Cause = {
  code: 'KW_INTERRUPTED',
  message: 'the process of this session died before it had ended',
};

/** A cast has begun: rules want one, and the API server has joined. */
function isRecorded({ failMode, protocol, endedAt }: SessionView): boolean {
  return failMode !== undefined && protocol.subprotocol !== undefined && endedAt === undefined;
}
