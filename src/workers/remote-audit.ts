import type { SinkFailurePolicy } from '../audit/health.ts';
import type { AuditEvent, AuditSink } from '../audit/record.ts';
import type { Logger } from '../log.ts';
import type { CancelTimer, Timers } from '../recording/timers.ts';
import type { Channel } from './channel.ts';
import type { FromWorker } from './protocol.ts';

/** How long the primary may take to say that it has written what it was told. */
export const AUDITED_MS = 10_000;

export interface RemoteAuditOptions {
  readonly channel: Channel<FromWorker>;
  readonly timers: Timers;
  readonly log: Logger;
  readonly mayStart: boolean;
  readonly onFailure: SinkFailurePolicy;
}

interface Asked {
  readonly answer: (kept: boolean) => void;
  readonly cancel: CancelTimer;
}

/** The audit as a worker has it: every event goes to the primary, in order, and `audited` says when it is there. */
export class RemoteAudit implements AuditSink {
  readonly #options: RemoteAuditOptions;
  readonly #asked = new Map<number, Asked>();
  #asks = 0;
  #mayStart: boolean;
  #lost = 0;

  constructor(options: RemoteAuditOptions) {
    this.#options = options;
    this.#mayStart = options.mayStart;
  }

  write(event: AuditEvent): void {
    const { channel, log } = this.#options;
    if (!channel.full) {
      channel.send({ kind: 'audit', event });
      return;
    }
    this.#lost++;
    log.error({ event: event.type, error: 'too many records wait' }, 'audit record cannot be written');
  }

  close(): void {}

  /** Resolves when everything written so far is in the primary's sink, as durable as it is to be. False: not in time. */
  audited(): Promise<boolean> {
    const { channel, timers } = this.#options;
    const ask = ++this.#asks;
    return new Promise(resolve => {
      const cancel = timers.after(AUDITED_MS, () => this.#answer(ask, false));
      this.#asked.set(ask, { answer: resolve, cancel });
      channel.send({ kind: 'flush', ask });
    });
  }

  mayStartSession(): boolean {
    const { channel, onFailure } = this.#options;
    return this.#mayStart && (onFailure === 'continue' || !channel.full);
  }

  flushed(ask: number, mayStart: boolean): void {
    this.#mayStart = mayStart;
    this.#answer(ask, true);
  }

  sinkIs(mayStart: boolean): void {
    this.#mayStart = mayStart;
  }

  /** There is room again: the primary learns of what there was none for. */
  drained(): void {
    if (this.#lost === 0) return;
    this.#options.channel.send({ kind: 'lost', count: this.#lost });
    this.#lost = 0;
  }

  #answer(ask: number, kept: boolean): void {
    const asked = this.#asked.get(ask);
    this.#asked.delete(ask);
    asked?.cancel();
    asked?.answer(kept);
  }
}
