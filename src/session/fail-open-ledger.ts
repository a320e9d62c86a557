import type { Clock } from '../clock.ts';
import type { FailOpenBudget } from '../policy/decide.ts';
import type { CancelTimer, Timers } from '../recording/timers.ts';
import { systemTimers } from '../recording/timers.ts';

/** A budget that leaves no room for one more unrecorded session, or for this one to go on. */
export interface SpentBudget {
  /** Origin of the rule, such as `grants[2]`. */
  readonly rule: string;
  readonly limit: 'secondsPerDay' | 'concurrent';
  readonly allowed: number;
  /** Seconds of this UTC day, or sessions at this moment. */
  readonly used: number;
}

interface Open {
  readonly tell: (spent: SpentBudget) => void;
}

/** What is known of one rule. `spentMs` is right as of `at` (monotonic) and belongs to the UTC day `day`. */
interface Account {
  spentMs: number;
  at: number;
  day: number;
  /** Of the budget that was seen last: a new configuration can change it. */
  limitMs: number;
  readonly open: Set<Open>;
  cancel: CancelTimer;
}

const DAY_MS = 86_400_000;

/**
 * Keeps count of the time that sessions go on unrecorded, by rule and UTC day, and tells them when it is used up. Each
 * session counts for itself: two at once spend two seconds a second.
 */
export class FailOpenLedger {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #accounts = new Map<string, Account>();

  /** `spentMs`: what this day has seen before this process, by rule. */
  constructor(options: {
    readonly clock: Clock;
    readonly timers?: Timers;
    readonly spentMs?: ReadonlyMap<string, number>;
  }) {
    this.#clock = options.clock;
    this.#timers = options.timers ?? systemTimers;
    for (const [rule, spentMs] of options.spentMs ?? []) this.#account(rule).spentMs = spentMs;
  }

  /** The first budget that has no room for one more session; undefined: it may fail open now. */
  spent(budgets: readonly FailOpenBudget[]): SpentBudget | undefined {
    for (const { rule, secondsPerDay, concurrent } of budgets) {
      const account = this.#account(rule);
      if (concurrent !== undefined && account.open.size >= concurrent) {
        return { rule, limit: 'concurrent', allowed: concurrent, used: account.open.size };
      }
      if (secondsPerDay !== undefined && account.spentMs >= secondsPerDay * 1000) {
        return timeSpent(rule, account, secondsPerDay * 1000);
      }
    }
    return undefined;
  }

  /** A session goes on unrecorded, until the function returned is called. `tell` is called once at most. */
  open(budgets: readonly FailOpenBudget[], tell: (spent: SpentBudget) => void): () => void {
    const entry: Open = { tell };
    const accounts = budgets.map(({ rule, secondsPerDay }) => {
      const account = this.#account(rule);
      account.limitMs = secondsPerDay === undefined ? Number.POSITIVE_INFINITY : secondsPerDay * 1000;
      account.open.add(entry);
      this.#watch(rule, account);
      return { rule, account };
    });
    return () => {
      for (const { rule, account } of accounts) {
        this.#advance(account);
        account.open.delete(entry);
        this.#watch(rule, account);
      }
    };
  }

  /** Seconds of this UTC day by rule. */
  secondsToday(): ReadonlyMap<string, number> {
    return new Map([...this.#accounts.keys()].map(rule => [rule, this.#account(rule).spentMs / 1000]));
  }

  /** As of now. */
  #account(rule: string): Account {
    const known = this.#accounts.get(rule);
    if (known !== undefined) {
      this.#advance(known);
      return known;
    }
    const account: Account = {
      spentMs: 0,
      at: this.#clock.monotonic(),
      day: Math.floor(this.#clock.now() / DAY_MS),
      limitMs: Number.POSITIVE_INFINITY,
      open: new Set(),
      cancel: () => {},
    };
    this.#accounts.set(rule, account);
    return account;
  }

  /** A wall clock that steps back opens no new day. */
  #advance(account: Account): void {
    const at = this.#clock.monotonic();
    const now = this.#clock.now();
    const day = Math.floor(now / DAY_MS);
    const elapsed = at - account.at;
    account.at = at;
    if (day > account.day) {
      account.day = day;
      account.spentMs = Math.min(elapsed, now - day * DAY_MS) * account.open.size;
    } else {
      account.spentMs += elapsed * account.open.size;
    }
  }

  #watch(rule: string, account: Account): void {
    account.cancel();
    account.cancel = () => {};
    if (account.open.size === 0 || account.limitMs === Number.POSITIVE_INFINITY) return;
    const leftMs = Math.max(account.limitMs - account.spentMs, 0) / account.open.size;
    account.cancel = this.#timers.after(Math.ceil(leftMs), () => {
      this.#advance(account);
      // Midnight may have come between, or the timer a little early.
      if (account.spentMs < account.limitMs) {
        this.#watch(rule, account);
        return;
      }
      const spent = timeSpent(rule, account, account.limitMs);
      for (const entry of [...account.open]) entry.tell(spent);
    });
  }
}

function timeSpent(rule: string, { spentMs }: Account, limitMs: number): SpentBudget {
  return { rule, limit: 'secondsPerDay', allowed: limitMs / 1000, used: Math.floor(spentMs / 1000) };
}

/** For the caller and for the audit's readers. */
export function spentInWords({ rule, limit, allowed, used }: SpentBudget): string {
  return limit === 'concurrent'
    ? `${rule} lets ${allowed} at once go on unrecorded, and ${used} do`
    : `${rule} lets ${allowed} s a day (UTC) go on unrecorded, and ${used} s have been used`;
}
