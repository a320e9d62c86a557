import type { CancelTimer, Timers } from './timers.ts';
import { systemTimers } from './timers.ts';

export interface RecorderHealthOptions {
  /** Asks a recorder whether it is there. Rejects when it is not. */
  readonly probe: (recorder: string) => Promise<void>;
  readonly timers?: Timers;
  /** Told of all that ail whenever that changes. */
  readonly changed?: (ailing: readonly string[]) => void;
}

/** Between a failure and the first look at whether the recorder is back; doubled after each look in vain. */
const FIRST_PROBE_MS = 2_000;
const MAX_PROBE_MS = 60_000;
/** Addresses come from rules; more than this many ailing ones are no longer looked after. */
const MAX_AILING = 1_000;

interface Ailing {
  readonly cancel: CancelTimer;
}

/**
 * What the process remembers of recorders between sessions: one that failed lately is tried last, so that a dead first
 * recorder costs the first session something and the others nothing. It is looked after in the background, and is back
 * in its place as soon as it answers.
 */
export class RecorderHealth {
  readonly #probe: (recorder: string) => Promise<void>;
  readonly #timers: Timers;
  readonly #changed: (ailing: readonly string[]) => void;
  readonly #ailing = new Map<string, Ailing>();
  #closed = false;

  constructor({ probe, timers = systemTimers, changed = () => {} }: RecorderHealthOptions) {
    this.#probe = probe;
    this.#timers = timers;
    this.#changed = changed;
  }

  /** The list with those that failed lately at its end; the order is kept otherwise. */
  order(recorders: readonly string[]): string[] {
    return ailingLast(recorders, this.#ailing);
  }

  get ailing(): readonly string[] {
    return [...this.#ailing.keys()];
  }

  failed(recorder: string): void {
    if (this.#closed || this.#ailing.has(recorder) || this.#ailing.size >= MAX_AILING) return;
    this.#lookAfter(recorder, FIRST_PROBE_MS);
    this.#changed(this.ailing);
  }

  accepted(recorder: string): void {
    this.#ailing.get(recorder)?.cancel();
    if (this.#ailing.delete(recorder)) this.#changed(this.ailing);
  }

  /** Looks after nobody any more. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#ailing.values()) cancel();
    this.#ailing.clear();
  }

  #lookAfter(recorder: string, waitMs: number): void {
    const cancel = this.#timers.after(waitMs, () => {
      this.#probe(recorder).then(
        () => this.accepted(recorder),
        () => {
          // It may have been accepted by a session, or all be over, while the probe was on its way.
          if (this.#ailing.has(recorder)) this.#lookAfter(recorder, Math.min(waitMs * 2, MAX_PROBE_MS));
        },
      );
    });
    this.#ailing.set(recorder, { cancel });
  }
}

/** A list with those that ail at its end; the order is kept otherwise. */
export function ailingLast(
  recorders: readonly string[],
  ailing: { has(recorder: string): boolean },
): string[] {
  return [
    ...recorders.filter(recorder => !ailing.has(recorder)),
    ...recorders.filter(recorder => ailing.has(recorder)),
  ];
}
