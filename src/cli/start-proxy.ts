import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAdminServer } from '../admin/server.ts';
import type { AuditSink } from '../audit/record.ts';
import { Readiness } from '../checks/readiness.ts';
import { systemClock } from '../clock.ts';
import { withFiles } from '../config/files.ts';
import { parseConfig } from '../config/parse.ts';
import { grantsOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import type { Logger } from '../log.ts';
import { createLogger } from '../log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { createForwarder } from '../proxy/forward.ts';
import { createLimits } from '../proxy/limits.ts';
import { connectRecorder, probeRecorder } from '../recording/connect.ts';
import { deliverEvent } from '../recording/deliver-event.ts';
import { RecorderHealth } from '../recording/recorder-health.ts';
import { startProxyServer } from '../server.ts';
import { SessionRegistry } from '../session/registry.ts';
import { trustedAddresses } from '../tailscale/trusted-addresses.ts';
import { probeUpstream } from '../upstream/probe.ts';
import { loadUpstream } from '../upstream/target.ts';
import { openAudit } from './audit-sink.ts';
import { authenticatorOf, clientTls } from './identity-sources.ts';
import { listenerCertificate } from './listener-certificate.ts';
import { outsideChecks, ownChecks } from './readiness-checks.ts';
import { writeReadyFile } from './ready-file.ts';
import { recorderAccessOf } from './recorder-access.ts';
import { finishMs, REQUEST_GRACE_MS, shutdownMs } from './shutdown.ts';
import { onStopSignal } from './signals.ts';
import { StartProblems } from './start-problems.ts';

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
  const proxy = await startProxy(config, { version });
  const urls = {
    proxy: `https://${proxy.address}:${proxy.port}`,
    admin: `http://${proxy.adminAddress}:${proxy.adminPort}`,
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
  const config = readConfig(configFile);
  const log = options.log ?? createLogger(config.log.level);
  const problems = new StartProblems();
  const own = { clock: systemClock, log, readText };
  const steps = {
    upstream: await problems.step(() => ({
      ...loadUpstream(upstreamSource(config), {
        readFile: readText,
        modifiedAtMs: file => statSync(file).mtimeMs,
        clock: systemClock,
        log,
      }),
      marksRequests: config.upstream.marker,
    })),
    certificate: await problems.step(() => listenerCertificate(config, own)),
    clientTls: await problems.step(() => clientTls(config, readText)),
    recorderAccess: await problems.step(() => recorderAccessOf(config, readText)),
    sink: await problems.step(() => openAudit(config, own)),
  };
  const known = await problems.step(() =>
    authenticatorOf(config, { ...own, upstream: steps.upstream.value }),
  );
  await problems.step(() => probeUpstream(steps.upstream.value, { timeoutMs: PROBE_MS }));
  problems.throwIfAny();

  const upstream = steps.upstream.value;
  const certificate = steps.certificate.value;
  const sink = steps.sink.value;
  const recorderAccess = steps.recorderAccess.value;
  const authenticate = known.value;
  const metrics = new Metrics({ auditHealth: () => sink.health() });
  const audit: AuditSink = {
    write: event => {
      metrics.audited(event);
      sink.write(event);
    },
    close: () => {},
  };
  const mayStartSession = (): boolean => sink.mayStartSession();
  const { staggerMs, connectMs, finalAnswerMs, tls: _tls, ...recordingLimits } = config.recording;
  const access = recorderAccess === undefined ? {} : { access: recorderAccess };
  const health = new RecorderHealth({ probe: recorder => probeRecorder(recorder, access) });
  const sessions = new SessionRegistry({
    health,
    mayStartSession,
    cluster: config.cluster,
    upstream,
    clock: systemClock,
    log,
    audit,
    connectRecorder: (recorder, options) =>
      connectRecorder(recorder, { ...options, ...access, limits: { finalAnswerMs } }),
    recordingLimits,
    dialLimitMs: DIAL_LIMIT_MS,
    limits: { staggerMs, connectMs, finishMs: finishMs(config) },
    keepEnded: config.sessions.keepEnded,
    keepEndedMs: config.sessions.keepEndedMs,
  });
  sessions.on('changed', view => metrics.stepped(view));
  const forwarder = createForwarder(upstream, { log });
  let shownCertificate = certificate.first;
  const readiness = new Readiness({ clock: systemClock });
  for (const check of [
    ...ownChecks({
      configFile,
      draining: () => sessions.draining,
      auditHealth: () => sink.health(),
      mayStartSession,
      certificate: () => shownCertificate.cert,
      clock: systemClock,
    }),
    ...outsideChecks(config, { upstream, ...access }),
  ]) {
    readiness.set(check);
  }
  const admins = await problems.step(() =>
    startAdminServer({
      ...config.admin,
      sessions,
      log,
      process: { auditHealth: () => sink.health(), metrics, readiness },
      ...(options.recordings === undefined ? {} : { recordings: options.recordings }),
    }),
  );
  const servers = await problems.step(() =>
    startProxyServer({
      address: config.listen.address,
      port: config.listen.port,
      tls: { ...certificate.first, ...steps.clientTls.value },
      ...(config.listen.proxyProtocol === undefined
        ? {}
        : { trustedRelays: trustedAddresses(config.listen.proxyProtocol.trusted) }),
      authenticate,
      grants: grantsOf(config),
      forwarder,
      upstream,
      audit,
      mayStartSession,
      limits: createLimits(config.limits),
      log,
      clock: systemClock,
      health,
      deliverEvent: (recorders, document) => deliverEvent(recorders, document, undefined, recorderAccess),
      sessions,
    }),
  );
  problems.throwIfAny();
  audit.write({ type: 'proxy.started', version: options.version ?? 'unknown', cluster: config.cluster });
  const admin = admins.value;
  const server = servers.value;
  certificate.follow(changed => {
    shownCertificate = changed;
    server.setCertificate(changed);
  });
  return {
    address: server.address,
    port: server.port,
    adminAddress: admin.address,
    adminPort: admin.port,
    close: async () => {
      log.info({ atMostMs: shutdownMs(config) }, 'shutting down');
      // Ordinary requests are served all the while: until load balancers have noticed, and as long as sessions live.
      await Promise.all([sessions.drain(config.sessions.drainMs), sleep(config.shutdown.delayMs)]);
      const closed = server.close(REQUEST_GRACE_MS);
      forwarder.endWatches();
      await closed;
      certificate.close();
      health.close();
      forwarder.close();
      await admin.close();
      metrics.close();
      audit.write({ type: 'proxy.stopped', reason: 'shutdown' });
      await sink.close();
    },
  };
}

function readConfig(file: string): Config {
  const folder = dirname(resolve(file));
  return withFiles(parseConfig(readText(file), file), named => resolve(folder, named));
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

/** Reads a file, or says in one line which and why not. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = code === 'ENOENT' ? 'no such file' : messageOf(error);
    throw new Error(`cannot read ${file}: ${why}`, { cause: error });
  }
}
