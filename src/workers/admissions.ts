import { messageOf } from '../errors.ts';
import type { LimitFigures } from '../proxy/limits.ts';
import { checkSessions } from '../proxy/limits.ts';

/** The sessions of all workers, counted before they begin: in all, and of each user. */
export class Admissions {
  readonly #figures: LimitFigures;
  readonly #admitted = new Map<string, { readonly worker: number; readonly user: string }>();

  constructor(figures: LimitFigures) {
    this.#figures = figures;
  }

  /** Why it must not begin, for people; undefined: it may, and counts from here on. */
  admit(worker: number, sessionId: string, user: string): string | undefined {
    const all = [...this.#admitted.values()];
    try {
      const ofCaller = all.filter(other => other.user === user).length;
      checkSessions(this.#figures, { inAll: all.length, ofCaller });
    } catch (error) {
      return messageOf(error);
    }
    this.#admitted.set(sessionId, { worker, user });
    return undefined;
  }

  /** It has ended, or did not begin. Idempotent. */
  over(sessionId: string): void {
    this.#admitted.delete(sessionId);
  }

  /** Everything of a worker that has died. */
  gone(worker: number): void {
    for (const [id, session] of this.#admitted) if (session.worker === worker) this.#admitted.delete(id);
  }
}
