import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAdminServer } from '../admin/server.ts';
import type { AuditSink } from '../audit/record.ts';
import { Readiness } from '../checks/readiness.ts';
import { systemClock } from '../clock.ts';
import { withFiles } from '../config/files.ts';
import { parseConfig } from '../config/parse.ts';
import type { Config } from '../config/schema.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import type { Logger } from '../log.ts';
import { createLogger } from '../log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { createForwarder } from '../proxy/forward.ts';
import { createLimits } from '../proxy/limits.ts';
import { probeRecorder } from '../recording/connect.ts';
import { deliverEvent } from '../recording/deliver-event.ts';
import { LiveCastRoom, MAX_KEPT_TOGETHER } from '../recording/live-cast.ts';
import { RecorderHealth } from '../recording/recorder-health.ts';
import { startProxyServer } from '../server.ts';
import { SessionRegistry } from '../session/registry.ts';
import { trustedAddresses } from '../tailscale/trusted-addresses.ts';
import { probeUpstream } from '../upstream/probe.ts';
import { loadUpstream, withoutCredential } from '../upstream/target.ts';
import { adminAccess, mayWatch } from './admin-access.ts';
import { openAudit } from './audit-sink.ts';
import { openLedger } from './fail-open-budgets.ts';
import { FileWatch } from './file-watch.ts';
import { after, listenerCertificate } from './listener-certificate.ts';
import type { ReloadReport } from './live-config.ts';
import { LiveConfig } from './live-config.ts';
import type { Policy } from './policy.ts';
import { policyOf } from './policy.ts';
import { readText } from './read-text.ts';
import { outsideChecks, ownChecks } from './readiness-checks.ts';
import { writeReadyFile } from './ready-file.ts';
import { reportReload } from './report-reload.ts';
import { REQUEST_GRACE_MS, shutdownMs } from './shutdown.ts';
import { onReloadSignal, onStopSignal } from './signals.ts';
import { StartProblems } from './start-problems.ts';
import { TailscaleWatches } from './tailscale-watches.ts';

/** Where the pod's own credential lies (Kubernetes documentation, "Accessing the API from a Pod"). */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const PROBE_MS = 5_000;
const DIAL_LIMIT_MS = 60_000;

export interface StartOptions {
  readonly log?: Logger;
  /** Of the program, for the audit. */
  readonly version?: string;
  /** Played by the page. */
  readonly recordings?: RecordingsReader;
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
}

/** `kubewitness proxy`: runs until a signal, drains, and exits 0. */
export async function runProxy({ config, readyFile, version }: ProxyCommand): Promise<void> {
  let reload = (): void => {};
  onReloadSignal(() => reload());
  const proxy = await startProxy(config, { version });
  reload = () => proxy.reload();
  const urls = {
    proxy: `https://${proxy.address}:${proxy.port}`,
    admin: proxy.adminUrl,
  };
  process.stdout.write(`proxy listening on ${urls.proxy}, admin on ${urls.admin}\n`);
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
  const problems = new StartProblems();
  const watches = new TailscaleWatches({ clock: systemClock, log });
  const own = { clock: systemClock, log, readText, watches };
  const steps = {
    upstream: await problems.step(() => {
      const loaded = loadUpstream(upstreamSource(config), {
        readFile: readText,
        modifiedAtMs: file => statSync(file).mtimeMs,
        clock: systemClock,
        log,
      });
      return {
        ...(config.upstream.mode === 'noauth' ? withoutCredential(loaded) : loaded),
        marksRequests: config.upstream.marker,
      };
    }),
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
  const metrics = new Metrics({
    auditHealth: () => sink.health(),
    config: () => ({ current: live.state().state === 'current', appliedAtSeconds: appliedAtMs / 1000 }),
    failOpenSeconds: () => failOpen.secondsToday(),
  });
  const audit: AuditSink = {
    write: event => {
      metrics.audited(event);
      sink.write(event);
    },
    close: () => {},
  };
  const mayStartSession = (): boolean => sink.mayStartSession();
  const health = new RecorderHealth({
    probe: recorder => {
      const { access } = live.made;
      return probeRecorder(recorder, access === undefined ? {} : { access });
    },
  });
  const sessions = new SessionRegistry({
    health,
    failOpen,
    auditSettled: () => sink.settled(),
    mayStartSession,
    cluster: config.cluster,
    upstream,
    clock: systemClock,
    log,
    audit,
    liveCastRoom: new LiveCastRoom(() => (mayWatch(live.config) ? MAX_KEPT_TOGETHER : 0)),
    dialLimitMs: DIAL_LIMIT_MS,
    settings: () => live.made.sessions,
    keepEnded: () => ({ atMost: live.config.sessions.keepEnded, forMs: live.config.sessions.keepEndedMs }),
  });
  sessions.on('changed', view => metrics.stepped(view));
  const forwarder = createForwarder(upstream, { log });
  let shown = certificate.first;
  const readiness = new Readiness({ clock: systemClock });
  const setChecks = (): void => {
    const { access } = live.made;
    readiness.setAll([
      ...ownChecks({
        config: () => ({ ...live.state(), appliedAtMs }),
        draining: () => sessions.draining,
        auditHealth: () => sink.health(),
        mayStartSession,
        certificate: () => shown.cert,
        clock: systemClock,
      }),
      ...outsideChecks(live.config, {
        upstream,
        backend: socket => watches.of(socket).backend,
        ...(access === undefined ? {} : { access }),
      }),
    ]);
  };
  setChecks();
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
      process: { auditHealth: () => sink.health(), metrics, readiness },
      ...(options.recordings === undefined ? {} : { recordings: options.recordings }),
    }),
  );
  const servers = await problems.step(() =>
    startProxyServer({
      address: config.listen.address,
      port: config.listen.port,
      tls: { ...certificate.first, ...live.made.clients },
      ...(config.listen.proxyProtocol === undefined
        ? {}
        : { trustedRelays: trustedAddresses(config.listen.proxyProtocol.trusted) }),
      policy: () => live.made,
      forwarder,
      upstream,
      audit,
      mayStartSession,
      limits: createLimits(config.limits),
      log,
      clock: systemClock,
      health,
      deliverEvent: (recorders, document) => deliverEvent(recorders, document, undefined, live.made.access),
      sessions,
    }),
  );
  problems.throwIfAny();
  audit.write({ type: 'proxy.started', version: options.version ?? 'unknown', cluster: config.cluster });
  const admin = admins.value;
  const server = servers.value;
  certificate.follow(changed => {
    shown = changed;
    server.setTls({ ...shown, ...live.made.clients });
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
    server.setTls({ ...shown, ...live.made.clients });
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
      const { sessions: own, shutdown } = live.config;
      log.info({ atMostMs: shutdownMs(live.config) }, 'shutting down');
      // Ordinary requests are served all the while: until load balancers have noticed, and as long as sessions live.
      await Promise.all([sessions.drain(own.drainMs), sleep(shutdown.delayMs)]);
      const closed = server.close(REQUEST_GRACE_MS);
      forwarder.endWatches();
      await closed;
      certificate.close();
      adminTls?.close();
      watches.close();
      health.close();
      forwarder.close();
      await admin.close();
      metrics.close();
      audit.write({ type: 'proxy.stopped', reason: 'shutdown' });
      await sink.close();
    },
  };
}

function readConfig(text: string, file: string): Config {
  const folder = dirname(resolve(file));
  return withFiles(parseConfig(text, file), named => resolve(folder, named));
}

function upstreamSource({ upstream }: Config) {
  if (upstream.kubeconfig !== undefined) {
    return {
      kubeconfig: upstream.kubeconfig,
      ...(upstream.context === undefined ? {} : { context: upstream.context }),
    };
  }
  return {
    inCluster: {
      host: process.env['KUBERNETES_SERVICE_HOST'],
      port: process.env['KUBERNETES_SERVICE_PORT'],
      folder: SERVICE_ACCOUNT,
    },
  };
}
