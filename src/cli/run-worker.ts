import { systemClock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createLogger, logWritten } from '../log.ts';
import { EventLoopLag } from '../metrics/event-loop.ts';
import { MAX_KEPT_TOGETHER } from '../recording/live-cast.ts';
import { systemTimers } from '../recording/timers.ts';
import type { FromPrimary, FromWorker, Start } from '../workers/protocol.ts';
import { readFromPrimary } from '../workers/protocol.ts';
import type { Order } from '../workers/remote-control.ts';
import { RemoteControl } from '../workers/remote-control.ts';
import { mayWatch } from './admin-access.ts';
import { openUpstream } from './open-upstream.ts';
import { policyOf } from './policy.ts';
import { readConfig } from './read-config.ts';
import { readText } from './read-text.ts';
import { hostAndPort } from './serve-by-workers.ts';
import { serveHere } from './serve-here.ts';
import { TailscaleWatches } from './tailscale-watches.ts';

const PULSE_MS = 2_000;
/** What the log's last lines get to leave. */
const LOG_MS = 1_000;

/** What the primary is spoken to by. */
type Send = NonNullable<typeof process.send>;

/**
 * One worker of the proxy: serves what the primary deals it, by the configuration that the primary hands it, until it is
 * told to end. Signals are for the primary, which a terminal or a supervisor may send to all of us.
 */
export async function runWorker(): Promise<void> {
  const send = process.send?.bind(process);
  if (send === undefined) {
    throw new Error('workers are begun by the proxy itself: see `workers` in docs/config.md');
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const say = (message: FromWorker): boolean => send(message);
  const worker = new Promise<Worker>((begun, failed) => {
    const first = (raw: unknown): void => {
      try {
        const message = readFromPrimary(raw);
        if (message.kind !== 'start')
          throw new Error(`the primary says ${message.kind} before anything else`);
        begun(new Worker(message, send));
      } catch (error) {
        failed(error);
      }
    };
    process.once('message', first);
  });
  say({ kind: 'here' });
  try {
    await (await worker).run();
  } catch (error) {
    // The primary tells people, with the problems of the others.
    await new Promise(said =>
      send({ kind: 'failed', problem: messageOf(error) }, undefined, undefined, said),
    );
    process.exit(1);
  }
}

class Worker {
  readonly #log: Logger;
  readonly #remote: RemoteControl;
  readonly #serving: ReturnType<typeof serveHere>;
  readonly #watches: TailscaleWatches;
  readonly #lag = new EventLoopLag();
  readonly #close: Promise<void>;

  /** Makes everything that needs no waiting, so that no later word of the primary finds it half made. */
  constructor(start: Start, send: Send) {
    const first = readConfig(start.text, start.file);
    const log = createLogger(first.log.level, { worker: start.worker });
    const clock = systemClock;
    this.#log = log;
    const watches = new TailscaleWatches({ clock, log });
    this.#watches = watches;
    const upstream = openUpstream(first, { clock, log, readText });
    if (hostAndPort(upstream) !== start.upstream) {
      throw new Error(
        `the kubeconfig names another API server than ${start.upstream}, which needs a restart`,
      );
    }
    const made = ({ text, files }: Pick<Start, 'text' | 'files'>) => {
      const config = readConfig(text, start.file);
      const handedOver = (name: string): string => {
        const known = files[name];
        if (known === undefined) throw new Error(`${name} was not handed over`);
        return known;
      };
      return { config, policy: policyOf(config, { clock, log, readText: handedOver, watches, upstream }) };
    };
    let now = made(start);
    let close = (): void => {};
    this.#close = new Promise(resolve => {
      close = resolve;
    });
    const ordered = (order: Order): void => {
      if (order.kind === 'config') {
        now = made(order);
        log.level = now.config.log.level;
        this.#serving.reloaded();
      } else if (order.kind === 'certificate') this.#serving.certificate(order.certificate);
      else if (order.kind === 'stop') this.#serving.sessions.stop(order.sessionId, order.cause);
      else close();
    };
    const remote = new RemoteControl({
      peer: { send: (message, done) => send(message, undefined, undefined, done) },
      start,
      limits: first.limits,
      onFailure: first.audit.onFailure,
      clock,
      timers: systemTimers,
      log,
      liveCast: id => this.#serving.sessions.liveCast(id),
      ordered,
    });
    this.#remote = remote;
    const { port, workers } = start;
    this.#serving = serveHere({
      clock,
      log,
      config: { ...first, listen: { ...first.listen, port } },
      live: () => now.config,
      policy: () => now.policy,
      upstream,
      audit: remote.audit,
      audited: () => remote.audit.audited(),
      mayStartSession: () => remote.audit.mayStartSession(),
      health: remote.health,
      failOpen: remote.failOpen,
      limits: remote.limits,
      admitSession: (id, user) => remote.admitSession(id, user),
      castRoom: () => (mayWatch(now.config) ? MAX_KEPT_TOGETHER / workers : 0),
      // The primary keeps them.
      keepEnded: () => ({ atMost: 0, forMs: 0 }),
      certificate: start.certificate,
      tell: signal => remote.signals.tell(signal),
    });
    this.#serving.sessions.on('changed', view => remote.views.tell(view));
    process.on('message', raw => this.#hear(raw));
  }

  /** Serves until it is told to end, and has drained. */
  async run(): Promise<void> {
    const { address, port } = await this.#serving.listen();
    this.#remote.say({ kind: 'listening', address, port });
    this.#lag.start();
    const pulse = setInterval(() => {
      const unacked = this.#serving.unacked();
      this.#remote.say({ kind: 'pulse', lag: this.#lag.take(), unacked });
    }, PULSE_MS).unref();
    await this.#close;
    await this.#serving.close();
    clearInterval(pulse);
    this.#remote.signals.drained();
    this.#lag.stop();
    this.#watches.close();
    // The primary has heard the last word of every session before this process is gone.
    await this.#remote.audit.audited();
  }

  /** A primary that is not understood cannot be served for. */
  #hear(raw: unknown): void {
    try {
      const message: FromPrimary = readFromPrimary(raw);
      if (message.kind === 'start') throw new Error('the primary says start twice');
      this.#remote.hear(message);
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, 'worker cannot go on; it ends');
      void logWritten(LOG_MS).then(() => process.exit(1));
    }
  }
}
