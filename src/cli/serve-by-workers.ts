import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { AuditSink } from '../audit/record.ts';
import type { Check } from '../checks/check.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { LiveCastRoom } from '../recording/live-cast.ts';
import type { RecorderHealth } from '../recording/recorder-health.ts';
import { systemTimers } from '../recording/timers.ts';
import type { KeepEnded } from '../session/ended-sessions.ts';
import type { FailOpenLedger } from '../session/fail-open-ledger.ts';
import type { Upstream } from '../upstream/target.ts';
import { clusterFork } from '../workers/cluster-hand.ts';
import { Crew } from '../workers/crew.ts';
import { Desk } from '../workers/desk.ts';
import type { FromPrimary, Start } from '../workers/protocol.ts';
import { WorkerSessions } from '../workers/worker-sessions.ts';
import { freePort } from './free-port.ts';
import { workerExecArgv } from './heap.ts';
import type { KeyPair } from './key-pair.ts';
import type { InForce } from './live-config.ts';
import type { Serving } from './serve.ts';
import { shutdownMs } from './shutdown.ts';

export interface CrewParts {
  readonly size: number;
  /** Name of the configuration file. */
  readonly file: string;
  readonly config: Config;
  readonly live: () => Config;
  /** The texts that are in force. */
  readonly inForce: () => InForce;
  readonly upstream: Upstream;
  readonly audit: AuditSink;
  readonly mayStartSession: () => boolean;
  /** Of the audit's sink. */
  readonly settled: () => Promise<void>;
  readonly failOpen: FailOpenLedger;
  readonly health: RecorderHealth;
  readonly metrics: Metrics;
  readonly castRoom: () => number;
  readonly keepEnded: () => KeepEnded;
  readonly certificate: KeyPair;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ServingByWorkers extends Serving {
  /** For /readyz. */
  readonly check: Check;
  /** What is known of recorders has changed. */
  ailing(recorders: readonly string[]): void;
  /** Audit records that workers could not hand over. */
  readonly lost: () => number;
}

/** How long the primary's word on budgets and the sink holds, where nothing happens. */
const TELL_MS = 1_000;
/** Beyond the longest orderly end. */
const CLOSE_EXTRA_MS = 5_000;
const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

/** Sessions, requests and the listener, in processes of their own. This one keeps count, and the audit. */
export function serveByWorkers(parts: CrewParts): ServingByWorkers {
  const { size, config, clock, log, health, mayStartSession } = parts;
  let shown = parts.certificate;
  let port = config.listen.port;
  const say = (worker: number, message: FromPrimary): void => crew.say(worker, message);
  const sessions = new WorkerSessions({
    clock,
    keepEnded: parts.keepEnded,
    liveCastRoom: new LiveCastRoom(parts.castRoom),
    say,
  });
  const desk = new Desk({
    clock,
    audit: parts.audit,
    mayStartSession,
    settled: parts.settled,
    ledger: parts.failOpen,
    health,
    sessions,
    limits: config.limits,
    say,
    sayToAll: message => crew.sayToAll(message),
    metrics: parts.metrics,
  });
  const start = (worker: number): Start => ({
    kind: 'start',
    file: parts.file,
    ...parts.inForce(),
    certificate: shown,
    port,
    upstream: hostAndPort(parts.upstream),
    worker,
    workers: size,
    mayStart: mayStartSession(),
    ailing: [...health.ailing],
    standings: desk.standings(),
  });
  const crew: Crew = new Crew({
    size,
    fork: clusterFork({ exec: MAIN, args: ['worker'], execArgv: workerExecArgv(memoryOf(process), size) }),
    timers: systemTimers,
    log,
    start,
    hear: (worker, report) => desk.hear(worker, report),
    gone: worker => desk.gone(worker),
  });
  let mayStart = mayStartSession();
  const telling = setInterval(() => {
    desk.tellStandings();
    if (mayStart === mayStartSession()) return;
    mayStart = !mayStart;
    crew.sayToAll({ kind: 'sink', mayStart });
  }, TELL_MS).unref();
  return {
    sessions,
    unacked: () => desk.unacked(),
    ailing: recorders => crew.sayToAll({ kind: 'ailing', recorders: [...recorders] }),
    lost: () => desk.lost,
    check: { name: 'workers', keepMs: 0, run: () => inWords(crew) },
    listen: async () => {
      // Each worker listens, also one that comes later, and all have to mean the same port.
      if (port === 0) port = await freePort(config.listen.address);
      return crew.begin();
    },
    certificate: changed => {
      shown = changed;
      crew.sayToAll({ kind: 'certificate', certificate: changed });
    },
    reloaded: () => crew.sayToAll({ kind: 'config', ...parts.inForce() }),
    close: async () => {
      sessions.draining = true;
      await crew.close(shutdownMs(parts.live()) + CLOSE_EXTRA_MS);
      clearInterval(telling);
    },
  };
}

export function hostAndPort({ host, port }: Pick<Upstream, 'host' | 'port'>): string {
  return `${host}:${port}`;
}

function inWords({ serving, size }: Crew): string {
  if (serving.length === 0) throw new Error(`none of ${size} workers serves`);
  return `${serving.length} of ${size} serve: ${serving.join(', ')}`;
}

function memoryOf({ execArgv, env, constrainedMemory }: typeof process) {
  return { execArgv, env, constrainedBytes: constrainedMemory(), totalBytes: totalmem() };
}
