import type { SinkFailurePolicy } from '../audit/health.ts';
import type { Clock } from '../clock.ts';
import { WitnessError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { LimitFigures, Limits } from '../proxy/limits.ts';
import { SLOT_WORDS } from '../proxy/limits.ts';
import type { LiveCast } from '../recording/live-cast.ts';
import type { Timers } from '../recording/timers.ts';
import { CastTeller } from './cast-teller.ts';
import type { Peer } from './channel.ts';
import { Channel } from './channel.ts';
import { LeasedSlots } from './leased-slots.ts';
import type { FromPrimary, FromWorker, SlotKind, Start } from './protocol.ts';
import { RemoteAudit } from './remote-audit.ts';
import { RemoteHealth } from './remote-health.ts';
import { RemoteLedger } from './remote-ledger.ts';
import { SignalTeller } from './signal-teller.ts';
import { blockOf } from './slot-pool.ts';
import { ViewTeller } from './view-teller.ts';

/** What the primary says that is for the serving part itself. */
export type Order = Extract<FromPrimary, { kind: 'config' | 'certificate' | 'stop' | 'close' }>;

export interface RemoteControlOptions {
  readonly peer: Peer;
  readonly start: Start;
  readonly limits: LimitFigures;
  readonly onFailure: SinkFailurePolicy;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly liveCast: (sessionId: string) => LiveCast | undefined;
  readonly ordered: (order: Order) => void;
}

/** The part that keeps count and watches, as a worker has it: everything in it is asked of, or told to, the primary. */
export class RemoteControl {
  readonly audit: RemoteAudit;
  readonly failOpen: RemoteLedger;
  readonly health: RemoteHealth;
  readonly views: ViewTeller;
  readonly signals: SignalTeller;
  readonly limits: Limits;
  readonly #options: RemoteControlOptions;
  readonly #channel: Channel<FromWorker>;
  readonly #casts: CastTeller;
  readonly #slots: Readonly<Record<SlotKind, LeasedSlots>>;
  readonly #asked = new Map<number, (refusal: string | undefined) => void>();
  #asks = 0;

  constructor(options: RemoteControlOptions) {
    const { peer, start, limits, onFailure, clock, timers, log, liveCast } = options;
    this.#options = options;
    const channel = new Channel<FromWorker>(peer, () => this.#drained());
    this.#channel = channel;
    this.audit = new RemoteAudit({ channel, timers, log, mayStart: start.mayStart, onFailure });
    this.failOpen = new RemoteLedger(channel, clock, start.standings);
    this.health = new RemoteHealth(channel, start.ailing);
    this.views = new ViewTeller(channel);
    this.signals = new SignalTeller(channel, timers);
    this.#casts = new CastTeller(channel, liveCast);
    this.#slots = { requests: this.#leased('requests'), longRunning: this.#leased('longRunning') };
    this.limits = { ...this.#slots, sessions: limits };
  }

  say(message: FromWorker): void {
    this.#channel.send(message);
  }

  /** Counted for all workers by the primary. Rejects with KW_OVERLOADED. */
  async admitSession(sessionId: string, user: string): Promise<() => void> {
    const ask = ++this.#asks;
    const refusal = await new Promise<string | undefined>(resolve => {
      this.#asked.set(ask, resolve);
      this.say({ kind: 'admit', ask, sessionId, user });
    });
    if (refusal !== undefined) throw new WitnessError('KW_OVERLOADED', refusal);
    return () => this.say({ kind: 'leave', sessionId });
  }

  hear(message: Exclude<FromPrimary, { kind: 'start' }>): void {
    switch (message.kind) {
      case 'flushed':
        this.audit.flushed(message.ask, message.mayStart);
        break;
      case 'sink':
        this.audit.sinkIs(message.mayStart);
        break;
      case 'admitted': {
        const answer = this.#asked.get(message.ask);
        this.#asked.delete(message.ask);
        answer?.(message.refusal);
        break;
      }
      case 'slots':
        this.#slots[message.what].granted(message.count);
        break;
      case 'ailing':
        this.health.ailing(message.recorders);
        break;
      case 'standings':
        this.failOpen.standing(message.standings);
        break;
      case 'spent':
        this.failOpen.spentFor(message.entry, message.spent);
        break;
      case 'watch':
        this.#casts.watch(message.sessionId);
        break;
      case 'unwatch':
        this.#casts.unwatch(message.sessionId);
        break;
      default:
        this.#options.ordered(message);
        break;
    }
  }

  #leased(what: SlotKind): LeasedSlots {
    const { limits, start } = this.#options;
    const limit = limits[what];
    return new LeasedSlots({
      what: SLOT_WORDS[what],
      limit,
      block: blockOf(limit, start.workers),
      ask: count => this.say({ kind: 'takeSlots', what, count }),
      giveBack: count => this.say({ kind: 'giveSlots', what, count }),
    });
  }

  #drained(): void {
    this.audit.drained();
    this.views.drained();
    this.signals.drained();
    this.#casts.drained();
  }
}
