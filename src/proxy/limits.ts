import { WitnessError } from '../errors.ts';

/** How many of one kind there may be at a time. */
export class Slots {
  readonly #what: string;
  readonly #limit: number;
  #taken = 0;

  /** `what` is for people: `requests in flight`. */
  constructor(what: string, limit: number) {
    this.#what = what;
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes one; what is given back frees it, once. @throws WitnessError KW_OVERLOADED when all are taken */
  take(): () => void {
    if (this.#taken >= this.#limit) throw overloaded(this.#what, this.#limit);
    this.#taken++;
    let held = true;
    return () => {
      if (held) this.#taken--;
      held = false;
    };
  }
}

export interface LimitFigures {
  /** Live sessions in all. */
  readonly sessions: number;
  readonly sessionsPerCaller: number;
  /** Ordinary requests, from arrival to the end of the answer, and upgrades up to their beginning. */
  readonly requests: number;
  /** Watches, logs, proxies and tunnels, which may stay open and are no longer counted above. */
  readonly longRunning: number;
}

/** What is served at a time: the figures, and what of them is taken. */
export interface Limits {
  readonly requests: Slots;
  readonly longRunning: Slots;
  readonly sessions: LimitFigures;
}

export function createLimits(figures: LimitFigures): Limits {
  return {
    requests: new Slots('requests in flight', figures.requests),
    longRunning: new Slots('watches and other open requests', figures.longRunning),
    sessions: figures,
  };
}

/** @throws WitnessError KW_OVERLOADED when the caller, or everybody together, has as many sessions as may be */
export function checkSessions(
  { sessions, sessionsPerCaller }: LimitFigures,
  live: { readonly inAll: number; readonly ofCaller: number },
): void {
  if (live.ofCaller >= sessionsPerCaller) throw overloaded('live sessions of one caller', sessionsPerCaller);
  if (live.inAll >= sessions) throw overloaded('live sessions', sessions);
}

function overloaded(what: string, limit: number): WitnessError {
  return new WitnessError('KW_OVERLOADED', `the proxy is at its limit of ${limit} ${what}; try again`);
}
