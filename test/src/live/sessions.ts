import { EventEmitter } from 'node:events';
import type { Cause } from '../../../machines/session.ts';
import type { SessionSource } from '../../../src/live/feed.ts';
import type { LiveCast } from '../../../src/recording/live-cast.ts';
import type { SessionView } from '../../../src/session/view.ts';

const START = Date.parse('2026-03-01T10:00:00Z');

export function at(ms: number): string {
  return new Date(START + ms).toISOString();
}

/** A session as the registry shows it, with what a test wants different. */
export function session(id: string, changes: Partial<SessionView> = {}): SessionView {
  return {
    id,
    type: 'exec',
    state: 'joined.streaming',
    since: at(20),
    startedAt: at(0),
    caller: { user: 'ann', groups: ['dev'], source: 'static' },
    namespace: 'default',
    pod: 'web',
    command: ['sh'],
    tty: true,
    protocol: { transport: 'websocket', subprotocol: 'v5.channel.k8s.io' },
    failMode: 'open',
    recorder: 'rec:80',
    transitions: [
      { state: 'deciding', event: 'session.requested', at: at(0) },
      { state: 'connectingRecorders', event: 'decide.done', at: at(5) },
      { state: 'joined.streaming', event: 'connectRecorders.done', at: at(20) },
    ],
    ...changes,
  };
}

export function ended(id: string, changes: Partial<SessionView> = {}): SessionView {
  return session(id, { state: 'closed', endedAt: at(1000), outcome: 'recorded', ...changes });
}

/** Stands for the registry: keeps what it is told, lists it, forgets on request. */
export class FakeSessions implements SessionSource {
  readonly #views = new Map<string, SessionView>();
  readonly #events = new EventEmitter();
  readonly draining = false;
  listed = 0;
  readonly stopped: { readonly id: string; readonly cause: Cause }[] = [];
  readonly casts = new Map<string, LiveCast>();

  change(view: SessionView): void {
    this.#views.set(view.id, view);
    this.#events.emit('changed', view);
  }

  stop(id: string, cause: Cause): void {
    this.stopped.push({ id, cause });
    const view = this.#views.get(id);
    if (view !== undefined) this.change({ ...view, state: 'failingClosed', outcome: 'stopped', cause });
  }

  liveCast(id: string): LiveCast | undefined {
    return this.casts.get(id);
  }

  forget(id: string): void {
    this.#views.delete(id);
  }

  list(): SessionView[] {
    this.listed++;
    return [...this.#views.values()];
  }

  get(id: string): SessionView | undefined {
    return this.#views.get(id);
  }

  get watchers(): number {
    return this.#events.listenerCount('changed');
  }

  on(event: 'changed', listener: (view: SessionView) => void): this {
    this.#events.on(event, listener);
    return this;
  }

  off(event: 'changed', listener: (view: SessionView) => void): this {
    this.#events.off(event, listener);
    return this;
  }
}
