import type { Clock } from '../clock.ts';
import type { SessionView } from './view.ts';

/** How many ended sessions stay listed, and how long. */
export interface KeepEnded {
  readonly atMost: number;
  readonly forMs: number;
}

/** Views of sessions that have ended, oldest end first, as far as they are kept. */
export class EndedSessions {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #keep: () => KeepEnded;
  readonly #ended = new Map<string, { readonly view: SessionView; readonly at: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>, keep: () => KeepEnded) {
    this.#clock = clock;
    this.#keep = keep;
  }

  add(view: SessionView): void {
    this.#ended.set(view.id, { view, at: this.#clock.monotonic() });
    this.#forgetOld();
  }

  get(id: string): SessionView | undefined {
    return this.#ended.get(id)?.view;
  }

  list(): SessionView[] {
    this.#forgetOld();
    return [...this.#ended.values()].map(({ view }) => view);
  }

  #forgetOld(): void {
    const { atMost, forMs } = this.#keep();
    for (const [id, { at }] of this.#ended) {
      if (this.#ended.size <= atMost && this.#clock.monotonic() - at <= forMs) return;
      this.#ended.delete(id);
    }
  }
}
