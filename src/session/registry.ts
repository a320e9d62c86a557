import type { Duplex } from 'node:stream';
import { EventEmitter } from 'eventemitter3';
import type { Actor } from 'xstate';
import { createActor } from 'xstate';
import type { Cause, SessionOutput } from '../../machines/session.ts';
import { messageOf } from '../errors.ts';
import type { Caller } from '../policy/caller.ts';
import type { LiveCast } from '../recording/live-cast.ts';
import { provideSessionMachine } from './actors.ts';
import { auditStep } from './audit-step.ts';
import type { Step } from './observe.ts';
import { onEachStep } from './observe.ts';
import type { SessionRequest } from './request.ts';
import type { SessionEnvironment, SessionSettings } from './session.ts';
import { Session } from './session.ts';
import type { SessionView, Transition } from './view.ts';
import { contractName } from './view.ts';

const SHUTDOWN: Cause = {
  code: 'KW_STOPPING',
  message: 'the session was stopped by the shutdown of the proxy',
};

export interface RegistryOptions extends Omit<SessionEnvironment, keyof SessionSettings> {
  /** As they are now; asked for once by each session. */
  readonly settings: () => SessionSettings;
  /** How many ended sessions stay listed, and how long. */
  readonly keepEnded: () => { readonly atMost: number; readonly forMs: number };
}

interface Live {
  readonly session: Session;
  readonly actor: Actor<ReturnType<typeof provideSessionMachine>>;
  readonly transitions: Transition[];
  readonly startedAt: number;
  readonly ended: Promise<void>;
  readonly tellEnded: () => void;
}

/**
 * The sessions of this process: one root actor each, in a Map. `changed` is emitted with a session's new view at each
 * step of its life.
 */
export class SessionRegistry extends EventEmitter<{ changed: [SessionView] }> {
  readonly #options: RegistryOptions;
  readonly #machine: ReturnType<typeof provideSessionMachine>;
  readonly #live = new Map<string, Live>();
  readonly #ended = new Map<string, { readonly view: SessionView; readonly at: number }>();
  #draining = false;

  constructor(options: RegistryOptions) {
    super();
    this.#options = options;
    this.#machine = provideSessionMachine(id => this.#find(id), options.log);
  }

  get draining(): boolean {
    return this.#draining;
  }

  get liveCount(): number {
    return this.#live.size;
  }

  /** Live sessions of such callers. */
  liveCountOf(isOne: (caller: Caller) => boolean): number {
    let count = 0;
    for (const { session } of this.#live.values()) if (isOne(session.request.caller)) count++;
    return count;
  }

  /** Takes the client's socket over and runs the session to its end. */
  start(
    id: string,
    request: SessionRequest,
    socket: { readonly client: Duplex; readonly head: Buffer },
  ): void {
    const { clock, settings } = this.#options;
    const session = new Session(id, request, socket, { ...this.#options, ...settings() });
    const transitions: Transition[] = [];
    const actor = createActor(this.#machine, {
      input: { id },
      inspect: onEachStep(step => this.#onStep(id, step)),
    });
    let tellEnded = (): void => {};
    const ended = new Promise<void>(resolve => {
      tellEnded = resolve;
    });
    this.#live.set(id, { session, actor, transitions, startedAt: clock.monotonic(), ended, tellEnded });
    // The last step closes the session; an actor that breaks has no last step.
    actor.subscribe({
      error: (error: unknown) => {
        this.#options.log.error({ session: id, error: messageOf(error) }, 'session machine failed');
        this.#close(id);
      },
    });
    session.bind(event => actor.send(event));
    session.audit.started();
    actor.start();
  }

  /** Ends a live session visibly; the client is told the cause. */
  stop(id: string, cause: Cause): void {
    this.#live.get(id)?.actor.send({ type: 'session.stopped', cause });
  }

  /** What spectators of a session see; undefined where nothing of it is being recorded. */
  liveCast(id: string): LiveCast | undefined {
    return this.#live.get(id)?.session.live;
  }

  /** Takes no more sessions, gives the live ones `drainMs`, then stops them. Resolves when all have ended. */
  async drain(drainMs: number): Promise<void> {
    this.#draining = true;
    const all = Promise.all([...this.#live.values()].map(live => live.ended));
    const timer = setTimeout(() => {
      for (const id of this.#live.keys()) this.stop(id, SHUTDOWN);
    }, drainMs);
    await all;
    clearTimeout(timer);
  }

  /** Live sessions first, oldest first; then the ended ones that are still kept. */
  list(): SessionView[] {
    this.#forgetOld();
    return [
      ...[...this.#live.keys()].flatMap(id => this.get(id) ?? []),
      ...[...this.#ended.values()].map(({ view }) => view),
    ];
  }

  get(id: string): SessionView | undefined {
    const live = this.#live.get(id);
    return live === undefined ? this.#ended.get(id)?.view : viewOf(live);
  }

  #find(id: string): Session {
    const live = this.#live.get(id);
    if (live === undefined) throw new Error(`no live session ${id}`);
    return live.session;
  }

  #onStep(id: string, step: Step): void {
    const live = this.#live.get(id);
    if (live === undefined) return;
    const at = new Date(this.#options.clock.now()).toISOString();
    live.transitions.push({ state: contractName(step.to), event: step.event, at });
    this.#options.log.info({ session: id, from: step.from, to: step.to, event: step.event }, 'session step');
    auditStep(live.session, step);
    if (step.to === 'closed') this.#close(id);
    else this.#tell(viewOf(live));
  }

  /** A watcher that throws must not reach into the session's machine. */
  #tell(view: SessionView): void {
    try {
      this.emit('changed', view);
    } catch (error) {
      this.#options.log.error({ session: view.id, error: messageOf(error) }, 'session watcher failed');
    }
  }

  #close(id: string): void {
    const live = this.#live.get(id);
    if (live === undefined) return;
    const { session } = live;
    session.release();
    const view = { ...viewOf(live), endedAt: new Date(this.#options.clock.now()).toISOString() };
    this.#live.delete(id);
    this.#ended.set(id, { view, at: this.#options.clock.monotonic() });
    this.#forgetOld();
    session.audit.ended({
      output: live.actor.getSnapshot().output ?? { outcome: 'aborted' },
      recorder: view.recorder,
      subprotocol: session.protocol?.subprotocol,
      exitCode: view.exitCode,
      durationMs: Math.round(this.#options.clock.monotonic() - live.startedAt),
      streams: session.tallies,
      gaps: session.gaps,
      ...(session.spentBudget === undefined ? {} : { budget: session.spentBudget }),
    });
    this.#tell(view);
    live.tellEnded();
  }

  #forgetOld(): void {
    const { keepEnded, clock } = this.#options;
    const { atMost, forMs } = keepEnded();
    for (const [id, { at }] of this.#ended) {
      if (this.#ended.size <= atMost && clock.monotonic() - at <= forMs) return;
      this.#ended.delete(id);
    }
  }
}

function viewOf({ session, actor, transitions }: Live): SessionView {
  const { request, protocol, exitCode, decision } = session;
  const { context, output } = actor.getSnapshot();
  const last = transitions.at(-1);
  const startedAt = new Date(session.startedAtMs).toISOString();
  const end: Partial<SessionOutput> = output ?? {};
  return {
    id: session.id,
    type: request.type,
    state: last?.state ?? 'deciding',
    since: last?.at ?? startedAt,
    startedAt,
    caller: { user: request.caller.user, groups: request.caller.groups, source: request.caller.source },
    namespace: request.namespace,
    pod: request.pod,
    ...(request.exec.container === undefined ? {} : { container: request.exec.container }),
    command: request.exec.command,
    tty: request.exec.streams.tty,
    protocol: {
      transport: request.upgrade.transport,
      ...(protocol === undefined ? {} : { subprotocol: protocol.subprotocol }),
    },
    ...(decision?.kind === 'record' ? { failMode: decision.failMode } : {}),
    ...(context.recorder === undefined ? {} : { recorder: context.recorder }),
    ...(end.outcome === undefined ? {} : { outcome: end.outcome }),
    ...(end.cause === undefined ? {} : { cause: end.cause }),
    ...(exitCode === undefined ? {} : { exitCode }),
    transitions: [...transitions],
  };
}
