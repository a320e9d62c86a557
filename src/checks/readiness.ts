import type { Clock } from '../clock.ts';
import type { Check, CheckResult } from './check.ts';
import { runCheck } from './check.ts';

export interface ReadinessOptions {
  readonly clock: Clock;
  /** For one check. Milliseconds; below the patience of whoever probes. */
  readonly limitMs?: number;
}

/** The probes of docs/deploy wait for three seconds. */
const LIMIT_MS = 2_000;

interface Answer {
  readonly at: number;
  readonly result: Promise<CheckResult>;
}

/**
 * The named checks behind `/readyz`, in the order in which they were set. However many probes ask at once, each check
 * runs once, and its answer is kept for its `keepMs`.
 */
export class Readiness {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #checks = new Map<string, Check>();
  readonly #answers = new Map<string, Answer>();

  constructor({ clock, limitMs = LIMIT_MS }: ReadinessOptions) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Adds a check, or replaces the one of the same name together with its kept answer. */
  set(check: Check): void {
    this.#checks.set(check.name, check);
    this.#answers.delete(check.name);
  }

  /** These and no others. */
  setAll(checks: readonly Check[]): void {
    for (const name of this.names) this.delete(name);
    for (const check of checks) this.set(check);
  }

  delete(name: string): void {
    this.#checks.delete(name);
    this.#answers.delete(name);
  }

  get names(): string[] {
    return [...this.#checks.keys()];
  }

  /** All checks but the excluded ones, which are not run at all. Never rejects. */
  ask(excluded: ReadonlySet<string> = new Set()): Promise<CheckResult[]> {
    const asked = [...this.#checks.values()].filter(({ name }) => !excluded.has(name));
    return Promise.all(asked.map(check => this.#ask(check)));
  }

  #ask(check: Check): Promise<CheckResult> {
    const now = this.#clock.monotonic();
    const known = this.#answers.get(check.name);
    if (known !== undefined && now - known.at < check.keepMs) return known.result;
    const result = runCheck(check, this.#limitMs);
    this.#answers.set(check.name, { at: now, result });
    return result;
  }
}
