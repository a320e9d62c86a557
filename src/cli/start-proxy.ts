import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { startAdminServer } from '../admin/server.ts';
import { openJsonlSink } from '../audit/jsonl-sink.ts';
import { systemClock } from '../clock.ts';
import { withFiles } from '../config/files.ts';
import { parseConfig } from '../config/parse.ts';
import { grantsOf, identitiesOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { staticTokens } from '../identity/static-tokens.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import type { Logger } from '../log.ts';
import { createLogger } from '../log.ts';
import { createForwarder } from '../proxy/forward.ts';
import { connectRecorder, probeRecorder } from '../recording/connect.ts';
import { deliverEvent } from '../recording/deliver-event.ts';
import { RecorderHealth } from '../recording/recorder-health.ts';
import { startProxyServer } from '../server.ts';
import { SessionRegistry } from '../session/registry.ts';
import { probeUpstream } from '../upstream/probe.ts';
import { loadUpstream } from '../upstream/target.ts';
import { writeReadyFile } from './ready-file.ts';
import { onStopSignal } from './signals.ts';

/** Where the pod's own credential lies (Kubernetes documentation, "Accessing the API from a Pod"). */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const PROBE_MS = 5_000;
const DIAL_LIMIT_MS = 60_000;
/** What ordinary requests get to end once sessions have. */
const REQUEST_GRACE_MS = 5_000;

export interface StartOptions {
  readonly log?: Logger;
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

/** `kubewitness proxy`: runs until a signal, drains, and exits 0. */
export async function runProxy({ config, readyFile }: { config: string; readyFile?: string }): Promise<void> {
  const proxy = await startProxy(config);
  const urls = {
    proxy: `https://${proxy.address}:${proxy.port}`,
    admin: `http://${proxy.adminAddress}:${proxy.adminPort}`,
  };
  process.stdout.write(`proxy listening on ${urls.proxy}, admin on ${urls.admin}\n`);
  if (readyFile !== undefined) await writeReadyFile(readyFile, { ...urls, pid: process.pid });
  await onStopSignal();
  await proxy.close();
}

/** Reads the configuration, checks what it names, and starts everything. Rejects with one message for people. */
export async function startProxy(configFile: string, options: StartOptions = {}): Promise<RunningProxy> {
  const config = readConfig(configFile);
  const log = options.log ?? createLogger(config.log.level);
  const upstream = {
    ...loadUpstream(upstreamSource(config), {
      readFile: readText,
      modifiedAtMs: file => statSync(file).mtimeMs,
      clock: systemClock,
      log,
    }),
    marksRequests: config.upstream.marker,
  };
  const tls = { cert: readText(config.listen.tls.cert), key: readText(config.listen.tls.key) };
  const authenticate = staticTokens(identitiesOf(config, readText), grantsOf(config));
  await probeUpstream(upstream, { timeoutMs: PROBE_MS });

  const audit = openJsonlSink({
    file: config.audit.file,
    clock: systemClock,
    failed: (error, event) => log.error({ error: messageOf(error), event: event.type }, 'audit record lost'),
  });
  const { staggerMs, connectMs, finalAnswerMs, ...recordingLimits } = config.recording;
  const health = new RecorderHealth({ probe: recorder => probeRecorder(recorder) });
  const sessions = new SessionRegistry({
    health,
    cluster: config.cluster,
    upstream,
    clock: systemClock,
    log,
    audit,
    connectRecorder: (recorder, options) =>
      connectRecorder(recorder, { ...options, limits: { finalAnswerMs } }),
    recordingLimits,
    dialLimitMs: DIAL_LIMIT_MS,
    limits: { staggerMs, connectMs, finishMs: finalAnswerMs + 5_000 },
    keepEnded: config.sessions.keepEnded,
    keepEndedMs: config.sessions.keepEndedMs,
  });
  const forwarder = createForwarder(upstream, { log });
  const admin = await startAdminServer({
    ...config.admin,
    sessions,
    log,
    ...(options.recordings === undefined ? {} : { recordings: options.recordings }),
  });
  const server = await startProxyServer({
    ...config.listen,
    tls,
    authenticate,
    forwarder,
    upstream,
    audit,
    log,
    clock: systemClock,
    health,
    deliverEvent,
    sessions,
  });
  return {
    address: server.address,
    port: server.port,
    adminAddress: admin.address,
    adminPort: admin.port,
    close: async () => {
      await sessions.drain(config.sessions.drainMs);
      await server.close(REQUEST_GRACE_MS);
      health.close();
      forwarder.close();
      await admin.close();
      audit.close();
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
