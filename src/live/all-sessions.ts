import { EventEmitter } from 'eventemitter3';
import type { SessionView } from '../session/view.ts';
import type { SessionSource } from './feed.ts';

/** Sessions of other replicas, as far as they are known. */
export interface OtherSessions {
  others(): readonly SessionView[];
  other(id: string): SessionView | undefined;
  on(event: 'changed', listener: (view: SessionView) => void): unknown;
  off(event: 'changed', listener: (view: SessionView) => void): unknown;
}

/** This replica's sessions first hand, and with them those of the others; each with the name of its replica. */
export class AllSessions extends EventEmitter<{ changed: [SessionView] }> implements SessionSource {
  readonly #own: SessionSource;
  readonly #others: OtherSessions;
  readonly #replica: string;
  readonly #ownChanged = (view: SessionView): void => {
    this.emit('changed', this.#named(view));
  };
  readonly #otherChanged = (view: SessionView): void => {
    // What was ours is known better here, whatever chain it is found in.
    if (this.#own.get(view.id) === undefined) this.emit('changed', elsewhere(view));
  };

  constructor(own: SessionSource, others: OtherSessions, replica: string) {
    super();
    this.#own = own;
    this.#others = others;
    this.#replica = replica;
    own.on('changed', this.#ownChanged);
    others.on('changed', this.#otherChanged);
  }

  /** Live ones first. */
  list(): SessionView[] {
    const own = this.#own.list().map(view => this.#named(view));
    const known = new Set(own.map(({ id }) => id));
    const all = [
      ...own,
      ...this.#others
        .others()
        .filter(({ id }) => !known.has(id))
        .map(elsewhere),
    ];
    return [
      ...all.filter(({ endedAt }) => endedAt === undefined),
      ...all.filter(({ endedAt }) => endedAt !== undefined),
    ];
  }

  get(id: string): SessionView | undefined {
    const own = this.#own.get(id);
    if (own !== undefined) return this.#named(own);
    const other = this.#others.other(id);
    return other && elsewhere(other);
  }

  close(): void {
    this.#own.off('changed', this.#ownChanged);
    this.#others.off('changed', this.#otherChanged);
  }

  #named(view: SessionView): SessionView {
    return { ...view, replica: this.#replica };
  }
}

function elsewhere(view: SessionView): SessionView {
  return { ...view, elsewhere: true };
}
