import { hostname } from 'node:os';
import { startAdminServer } from '../admin/server.ts';
import type { SinkHealth } from '../audit/health.ts';
import type { AuditSink } from '../audit/record.ts';
import { Readiness } from '../checks/readiness.ts';
import { systemClock } from '../clock.ts';
import { AuditTrail } from '../live/audit-trail.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import type { SandboxRecorder } from '../live/sandbox-recorder.ts';
import type { Logger } from '../log.ts';
import { createLogger } from '../log.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { Signal } from '../metrics/updates.ts';
import { createLimits } from '../proxy/limits.ts';
import { probeRecorder } from '../recording/connect.ts';
import { MAX_KEPT_TOGETHER } from '../recording/live-cast.ts';
import { RecorderHealth } from '../recording/recorder-health.ts';
import { probeUpstream } from '../upstream/probe.ts';
import { adminAccess, mayWatch } from './admin-access.ts';
import { after } from './after.ts';
import { announce } from './announce.ts';
import { openAudit, openAuditReader } from './audit-sink.ts';
import { openLedger } from './fail-open-budgets.ts';
import { FileWatch } from './file-watch.ts';
import { listenerCertificate } from './listener-certificate.ts';
import type { ReloadReport } from './live-config.ts';
import { LiveConfig } from './live-config.ts';
import { openNotices } from './notices.ts';
import { openInspector } from './open-inspector.ts';
import { openUpstream } from './open-upstream.ts';
import { pageRecordings } from './page-recordings.ts';
import type { Policy } from './policy.ts';
import { policyOf } from './policy.ts';
import { readConfig } from './read-config.ts';
import { readText } from './read-text.ts';
import { outsideChecks, ownChecks } from './readiness-checks.ts';
import { writeReadyFile } from './ready-file.ts';
import { reportReload } from './report-reload.ts';
import type { Serving } from './serve.ts';
import type { ServingByWorkers } from './serve-by-workers.ts';
import { serveByWorkers } from './serve-by-workers.ts';
import { serveHere } from './serve-here.ts';
import { shutdownMs } from './shutdown.ts';
import { onReloadSignal, onStopSignal } from './signals.ts';
import { StartProblems } from './start-problems.ts';
import { TailscaleWatches } from './tailscale-watches.ts';
import { coresHere, workerCount } from './worker-count.ts';

const PROBE_MS = 5_000;
/** What messages about failures get to leave. */
const NOTICES_GRACE_MS = 2_000;

export interface StartOptions {
  readonly log?: Logger;
  /** Of the program, for the audit. */
  readonly version?: string;
  /** Played by the page. */
  readonly recordings?: RecordingsReader;
  /** Port for inspectors of the machines. */
  readonly inspect?: number;
  /** The recorder of `try`, with buttons on the page. */
  readonly sandbox?: SandboxRecorder;
}

export interface RunningProxy {
  readonly address: string;
  readonly port: number;
  readonly adminAddress: string;
  readonly adminPort: number;
  readonly adminUrl: string;
  /** Takes what the configuration, the files that it names and the certificate are now, without waiting. */
  reload(): void;
  /** Drains: no new sessions, live ones get their time, recordings are finished, the audit is closed. */
  close(): Promise<void>;
}

export interface ProxyCommand {
  readonly config: string;
  readonly readyFile?: string;
  readonly version: string;
  readonly inspect?: number;
}

/** `kubewitness proxy`: runs until a signal, drains, and exits 0. */
export async function runProxy({ config, readyFile, ...options }: ProxyCommand): Promise<void> {
  let reload = (): void => {};
  onReloadSignal(() => reload());
  const proxy = await startProxy(config, options);
  reload = () => proxy.reload();
  const urls = {
    proxy: `https://${proxy.address}:${proxy.port}`,
    admin: proxy.adminUrl,
  };
  announce(`proxy listening on ${urls.proxy}, admin on ${urls.admin}\n`);
  if (readyFile !== undefined) await writeReadyFile(readyFile, { ...urls, pid: process.pid });
  await onStopSignal();
  await proxy.close();
}

/**
 * Reads the configuration, checks what it names, and starts everything. Rejects with a message for people, which has a
 * line for each problem.
 */
export async function startProxy(configFile: string, options: StartOptions = {}): Promise<RunningProxy> {
  const text = readText(configFile);
  const config = readConfig(text, configFile);
  const ownLog = createLogger(config.log.level);
  const log = options.log ?? ownLog;
  const size = workerCount(config.workers, coresHere());
  if (size > 1 && options.inspect !== undefined) {
    throw new Error('--inspect shows the machines of one process: set workers to 1');
  }
  const problems = new StartProblems();
  const watches = new TailscaleWatches({ clock: systemClock, log });
  const own = { clock: systemClock, log, readText, watches, replica: hostname() };
  const steps = {
    upstream: await problems.step(() => openUpstream(config, own)),
    certificate: await problems.step(() => listenerCertificate(config.listen.tls, own)),
    adminTls: await problems.step(async () =>
      config.admin.tls === undefined ? undefined : await listenerCertificate(config.admin.tls, own),
    ),
    sink: await problems.step(() => openAudit(config, own)),
  };
  const lives = await problems.step(
    () =>
      new LiveConfig<Policy>(
        {
          file: configFile,
          read: readText,
          parse: changed => readConfig(changed, configFile),
          make: (now, read) =>
            policyOf(now, {
              ...own,
              readText: read,
              // Only when it is asked for: without it, what else is wrong is still told.
              get upstream() {
                return steps.upstream.value;
              },
            }),
          reported: report => onReload(report),
        },
        text,
        config,
      ),
  );
  await problems.step(() => probeUpstream(steps.upstream.value, { timeoutMs: PROBE_MS }));
  problems.throwIfAny();

  const upstream = steps.upstream.value;
  const certificate = steps.certificate.value;
  const adminTls = steps.adminTls.value;
  const sink = steps.sink.value;
  const live = lives.value;
  let appliedAtMs = systemClock.now();
  const failOpen = openLedger(config, systemClock);
  const auditHealth = (): SinkHealth => {
    const health = sink.health();
    return { ...health, lost: health.lost + (crew?.lost() ?? 0) };
  };
  const metrics: Metrics = new Metrics({
    auditHealth,
    unacked: () => serving.unacked(),
    config: () => ({ current: live.state().state === 'current', appliedAtSeconds: appliedAtMs / 1000 }),
    failOpenSeconds: () => failOpen.secondsToday(),
  });
  const notices = openNotices(config, { upstream, log, clock: systemClock, readText, metrics });
  const audit: AuditSink = {
    write: event => {
      metrics.audited(event);
      notices.audited(event);
      sink.write(event);
    },
    close: () => {},
  };
  const mayStartSession = (): boolean => sink.mayStartSession();
  const probe = (recorder: string): Promise<void> => {
    const { access } = live.made;
    return probeRecorder(recorder, access === undefined ? {} : { access });
  };
  const health = new RecorderHealth({ probe, changed: ailing => crew?.ailing(ailing) });
  const inspector = options.inspect === undefined ? undefined : await openInspector(options.inspect, log);
  const common = {
    ...own,
    config,
    live: () => live.config,
    upstream,
    audit,
    mayStartSession,
    failOpen,
    castRoom: () => (mayWatch(live.config) ? MAX_KEPT_TOGETHER : 0),
    keepEnded: () => ({ atMost: live.config.sessions.keepEnded, forMs: live.config.sessions.keepEndedMs }),
    certificate: certificate.first,
    tell: (signal: Signal) => metrics.tell(signal),
  };
  const crew: ServingByWorkers | undefined =
    size === 1
      ? undefined
      : serveByWorkers({
          ...common,
          size,
          file: configFile,
          inForce: () => live.inForce,
          health,
          metrics,
          settled: () => sink.settled(),
        });
  const serving: Serving =
    crew ??
    serveHere({
      ...common,
      ...(inspector === undefined ? {} : { inspect: inspector.inspect }),
      policy: () => live.made,
      health,
      audited: () => sink.settled().then(() => true),
      limits: createLimits(config.limits),
    });
  const { sessions } = serving;
  sessions.on('changed', view => metrics.stepped(view));
  let shown = certificate.first;
  const readiness = new Readiness({ clock: systemClock });
  const setChecks = (): void => {
    const { access } = live.made;
    readiness.setAll([
      ...ownChecks({
        config: () => ({ ...live.state(), appliedAtMs }),
        draining: () => sessions.draining,
        auditHealth,
        mayStartSession,
        certificate: () => shown.cert,
        clock: systemClock,
      }),
      ...(crew === undefined ? [] : [crew.check]),
      ...outsideChecks(live.config, {
        upstream,
        backend: socket => watches.of(socket).backend,
        ...(access === undefined ? {} : { access }),
      }),
    ]);
  };
  setChecks();
  const trail = new AuditTrail({
    open: () => openAuditReader(config, readText),
    clock: systemClock,
    log,
    ownReplica: sink.replica,
    ...config.sessions,
  });
  // A file has no others: it is read once somebody asks.
  if (sink.replica !== undefined) void trail.start();
  const { recordings: place } = config.admin;
  const opened = await problems.step(() =>
    place === undefined ? options.recordings : pageRecordings(place),
  );
  const admins = await problems.step(() =>
    startAdminServer({
      address: config.admin.address,
      port: config.admin.port,
      ...(adminTls === undefined ? {} : { tls: { ...adminTls.first, ...live.made.clients } }),
      access: adminAccess(
        () => live.config,
        () => live.made.authenticate,
      ),
      sessions,
      audit,
      mayBegin: mayStartSession,
      log,
      history: trail,
      ...(sink.replica === undefined ? {} : { others: { sessions: trail, replica: sink.replica } }),
      process: { auditHealth, metrics, readiness },
      ...(opened.value === undefined ? {} : { recordings: opened.value }),
      ...(options.sandbox === undefined ? {} : { sandbox: options.sandbox }),
    }),
  );
  const listening = await problems.step(() => serving.listen());
  problems.throwIfAny();
  audit.write({ type: 'proxy.started', version: options.version ?? 'unknown', cluster: config.cluster });
  const admin = admins.value;
  const server = listening.value;
  certificate.follow(changed => {
    shown = changed;
    serving.certificate(changed);
  });
  let adminShown = adminTls?.first;
  adminTls?.follow(changed => {
    adminShown = changed;
    admin.setTls({ ...changed, ...live.made.clients });
  });
  const onReload = (report: ReloadReport): void => {
    reportReload(report, { log, audit });
    if (report.outcome !== 'applied') return;
    appliedAtMs = systemClock.now();
    ownLog.level = live.config.log.level;
    setChecks();
    serving.reloaded();
    if (adminShown !== undefined) admin.setTls({ ...adminShown, ...live.made.clients });
    // Whoever has been taken out of the configuration must not go on by a cookie.
    admin.forgetSignIns();
  };
  const watch = new FileWatch({
    look: () => live.look(),
    take: (seen, trigger) => live.take(seen, trigger),
    after,
  });
  return {
    address: server.address,
    port: server.port,
    adminAddress: admin.address,
    adminPort: admin.port,
    adminUrl: `${adminTls === undefined ? 'http' : 'https'}://${admin.address}:${admin.port}`,
    reload: () => {
      certificate.now();
      adminTls?.now();
      watch.now();
    },
    close: async () => {
      watch.close();
      log.info({ atMostMs: shutdownMs(live.config) }, 'shutting down');
      await serving.close();
      certificate.close();
      adminTls?.close();
      watches.close();
      health.close();
      await admin.close();
      await trail.close();
      await inspector?.close();
      await notices.close(NOTICES_GRACE_MS);
      metrics.close();
      audit.write({ type: 'proxy.stopped', reason: 'shutdown' });
      await sink.close();
    },
  };
}
