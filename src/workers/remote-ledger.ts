import type { Clock } from '../clock.ts';
import type { FailOpenBudget } from '../policy/decide.ts';
import type { SpentBudget, Standing } from '../session/fail-open-ledger.ts';
import { spentAmong } from '../session/fail-open-ledger.ts';
import type { Channel } from './channel.ts';
import type { FromWorker, Standings } from './protocol.ts';

/**
 * The fail-open budgets as a worker has them: it judges by what the primary last told, reckoned on from there. The
 * primary counts, and has the last word on every session that goes on unrecorded.
 */
export class RemoteLedger {
  readonly #channel: Channel<FromWorker>;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #entries = new Map<number, (spent: SpentBudget) => void>();
  #count = 0;
  #standings: ReadonlyMap<string, Standing> = new Map();
  #at: number;

  constructor(channel: Channel<FromWorker>, clock: Pick<Clock, 'monotonic'>, standings: Standings) {
    this.#channel = channel;
    this.#clock = clock;
    this.#at = clock.monotonic();
    this.standing(standings);
  }

  spent(budgets: readonly FailOpenBudget[]): SpentBudget | undefined {
    const elapsedMs = this.#clock.monotonic() - this.#at;
    return spentAmong(budgets, rule => {
      const { spentMs, open } = this.#standings.get(rule) ?? { spentMs: 0, open: 0 };
      return { spentMs: spentMs + elapsedMs * open, open };
    });
  }

  open(budgets: readonly FailOpenBudget[], tell: (spent: SpentBudget) => void): () => void {
    if (budgets.length === 0) return () => {};
    const entry = ++this.#count;
    this.#entries.set(entry, tell);
    this.#channel.send({ kind: 'unrecorded', entry, budgets });
    return () => {
      if (this.#entries.delete(entry)) this.#channel.send({ kind: 'unrecordedOver', entry });
    };
  }

  standing(standings: Standings): void {
    this.#at = this.#clock.monotonic();
    this.#standings = new Map(standings.map(({ rule, ...standing }) => [rule, standing]));
  }

  /** The primary says that this one must end. */
  spentFor(entry: number, spent: SpentBudget): void {
    this.#entries.get(entry)?.(spent);
  }
}
