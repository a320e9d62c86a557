import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { NoticeResult } from '../metrics/updates.ts';
import type { CancelTimer, Timers } from '../recording/timers.ts';

/** Waiting for their turn; past it they are dropped, and counted. */
const MAX_WAITING = 100;
/** So many at once, and then one more each so often: a recorder that dies fails every session at the same time. */
const BURST = 20;
const REFILL_MS = 3_000;
const MAX_TRIES = 4;
/** Before the second try; doubled after each. */
const RETRY_MS = 1_000;

/** What was told to nobody, and would be told to nobody the next time either. */
export class FinalFailure extends Error {}

export interface NoticeQueueOptions<Notice> {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** One try, within bounds of its own. Rejects with a FinalFailure where another is of no use. */
  readonly send: (notice: Notice) => Promise<void>;
  readonly told: (result: NoticeResult) => void;
}

/** Messages on their way out of the process, one after the other. Nothing waits for them, and they are no proof of anything. */
export class NoticeQueue<Notice> {
  readonly #options: NoticeQueueOptions<Notice>;
  readonly #waiting: Notice[] = [];
  #room = BURST;
  #refilledAt: number;
  #running: Promise<void> | undefined;
  #cancelWait: (() => void) | undefined;
  #closed = false;

  constructor(options: NoticeQueueOptions<Notice>) {
    this.#options = options;
    this.#refilledAt = options.clock.monotonic();
  }

  /** Takes it, or counts why not. Never throws, never waits. */
  offer(notice: Notice): void {
    const { told } = this.#options;
    if (this.#closed || this.#waiting.length >= MAX_WAITING) told('dropped');
    else if (!this.#mayGo()) told('limited');
    else {
      this.#waiting.push(notice);
      this.#running ??= this.#run();
    }
  }

  /** What is not out within the limit is dropped. */
  async close(limitMs: number): Promise<void> {
    this.#closed = true;
    const { timers, told } = this.#options;
    let cancel: CancelTimer = () => {};
    const late = new Promise<void>(resolve => {
      cancel = timers.after(limitMs, resolve);
    });
    await Promise.race([this.#running, late]);
    cancel();
    for (const _ of this.#waiting.splice(0)) told('dropped');
    this.#cancelWait?.();
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#options.told(await this.#deliver(next));
    }
    this.#running = undefined;
  }

  async #deliver(notice: Notice): Promise<NoticeResult> {
    const { send, log } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        await send(notice);
        return 'sent';
      } catch (error) {
        if (tries < MAX_TRIES && !this.#closed && !(error instanceof FinalFailure)) {
          await this.#wait(RETRY_MS * 2 ** (tries - 1));
          continue;
        }
        log.warn({ error: messageOf(error), tries }, 'notice of a recording failure not delivered');
        return 'failed';
      }
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#options.timers.after(ms, resolve);
      this.#cancelWait = () => {
        cancel();
        resolve();
      };
    });
  }

  #mayGo(): boolean {
    const refills = Math.floor((this.#options.clock.monotonic() - this.#refilledAt) / REFILL_MS);
    this.#room = Math.min(this.#room + refills, BURST);
    this.#refilledAt += refills * REFILL_MS;
    if (this.#room === 0) return false;
    this.#room--;
    return true;
  }
}
