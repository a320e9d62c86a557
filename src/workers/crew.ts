import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { CancelTimer, Timers } from '../recording/timers.ts';
import type { Peer } from './channel.ts';
import { Channel } from './channel.ts';
import type { Report } from './desk.ts';
import type { FromPrimary, Start } from './protocol.ts';
import { readFromWorker } from './protocol.ts';

/** A process that was forked; that of node:cluster, or a fake. */
export interface Hand extends Peer {
  readonly pid: number;
  onMessage(heard: (message: unknown) => void): void;
  /** Once: it is dead, and everything that it said has been heard. `how` is for people. */
  onGone(gone: (how: string) => void): void;
  kill(): void;
}

export interface CrewOptions {
  readonly size: number;
  readonly fork: () => Hand;
  readonly timers: Timers;
  readonly log: Logger;
  /** What a worker begins with, as it is now. */
  readonly start: (worker: number) => Start;
  readonly hear: (worker: number, report: Report) => void;
  readonly gone: (worker: number) => void;
}

export interface Listening {
  readonly address: string;
  readonly port: number;
}

/** Until a worker that was forked serves. */
const START_MS = 30_000;
const FIRST_REST_MS = 100;
const MAX_REST_MS = 30_000;
/** One that has served for so long has not died of its beginning. */
const SOUND_MS = 60_000;

interface Member {
  readonly hand: Hand;
  readonly channel: Channel<FromPrimary>;
  serves: boolean;
  cancel: CancelTimer;
}

/** The workers: each is begun, heard, and begun again when it dies, ever later if it dies at once. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #members = new Map<number, Member>();
  readonly #restMs = new Map<number, number>();
  readonly #resting = new Set<CancelTimer>();
  #closing = false;
  #told: { readonly served: (where: Listening) => void; readonly failed: (error: Error) => void } | undefined;
  #emptied: () => void = () => {};

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** Process ids of the workers that serve. */
  get serving(): readonly number[] {
    return [...this.#members.values()].filter(({ serves }) => serves).map(({ hand }) => hand.pid);
  }

  get size(): number {
    return this.#options.size;
  }

  /** Resolves once every worker serves. Rejects, and ends all of them, when one cannot. */
  async begin(): Promise<Listening> {
    const where = new Promise<Listening>((served, failed) => {
      this.#told = { served, failed };
    });
    for (let worker = 1; worker <= this.#options.size; worker++) this.#fork(worker);
    try {
      return await where;
    } catch (error) {
      await this.close(0);
      throw error;
    } finally {
      this.#told = undefined;
    }
  }

  say(worker: number, message: FromPrimary): void {
    const member = this.#members.get(worker);
    if (member === undefined) return;
    if (!member.channel.full) {
      member.channel.send(message);
      return;
    }
    this.#options.log.error(
      { worker, pid: member.hand.pid },
      'worker does not listen any more; it is killed',
    );
    member.hand.kill();
  }

  /** To all that have begun; the others learn of it at their start. */
  sayToAll(message: FromPrimary): void {
    for (const [worker, { serves }] of this.#members) if (serves) this.say(worker, message);
  }

  /** Lets every worker drain and end; what is still there after `limitMs` is killed. Resolves when none is left. */
  async close(limitMs: number): Promise<void> {
    this.#closing = true;
    for (const cancel of this.#resting) cancel();
    if (this.#members.size === 0) return;
    const emptied = new Promise<void>(resolve => {
      this.#emptied = resolve;
    });
    for (const [worker, { serves, hand }] of this.#members) {
      if (serves) this.say(worker, { kind: 'close' });
      else hand.kill();
    }
    const cancel = this.#options.timers.after(limitMs, () => {
      for (const { hand } of this.#members.values()) hand.kill();
    });
    await emptied;
    cancel();
  }

  #fork(worker: number): void {
    const { fork, timers, log } = this.#options;
    const hand = fork();
    const member: Member = { hand, channel: new Channel<FromPrimary>(hand), serves: false, cancel: () => {} };
    member.cancel = timers.after(START_MS, () => {
      log.error({ worker, pid: hand.pid }, 'worker does not come up; it is killed');
      hand.kill();
    });
    this.#members.set(worker, member);
    hand.onMessage(message => this.#hear(worker, member, message));
    hand.onGone(how => this.#onGone(worker, member, how));
  }

  #hear(worker: number, member: Member, raw: unknown): void {
    const { log, hear, start, timers } = this.#options;
    const { hand } = member;
    try {
      const message = readFromWorker(raw);
      if (message.kind === 'here') member.channel.send(start(worker));
      else if (message.kind === 'failed') this.#onFailed(worker, message.problem);
      else if (message.kind === 'listening') {
        member.serves = true;
        member.cancel();
        member.cancel = timers.after(SOUND_MS, () => this.#restMs.delete(worker));
        log.info({ worker, pid: hand.pid }, 'worker serves');
        if (this.serving.length === this.#options.size) this.#told?.served(message);
      } else hear(worker, message);
    } catch (error) {
      log.error({ worker, pid: hand.pid, error: messageOf(error) }, 'worker is broken; it is killed');
      hand.kill();
    }
  }

  #onFailed(worker: number, problem: string): void {
    if (this.#told === undefined) this.#options.log.error({ worker, problem }, 'worker cannot start');
    else this.#told.failed(new Error(problem));
  }

  #onGone(worker: number, member: Member, how: string): void {
    const { log, gone, timers } = this.#options;
    member.cancel();
    member.channel.close();
    this.#members.delete(worker);
    gone(worker);
    if (this.#closing) {
      if (this.#members.size === 0) this.#emptied();
      return;
    }
    if (this.#told !== undefined) {
      this.#told.failed(new Error(`a worker ended before it served (${how})`));
      return;
    }
    const restMs = this.#restMs.get(worker) ?? FIRST_REST_MS;
    this.#restMs.set(worker, Math.min(restMs * 2, MAX_REST_MS));
    log.error({ worker, pid: member.hand.pid, how, restMs }, 'worker died; its sessions are over');
    const cancel = timers.after(restMs, () => {
      this.#resting.delete(cancel);
      this.#fork(worker);
    });
    this.#resting.add(cancel);
  }
}
