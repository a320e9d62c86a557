import { onTestFinished } from 'vitest';
import type { AuditEvent, AuditSink } from '../../src/audit/record.ts';
import { systemClock } from '../../src/clock.ts';
import type { Authenticator } from '../../src/identity/authenticate.ts';
import type { StaticIdentity } from '../../src/identity/static-tokens.ts';
import { staticTokens } from '../../src/identity/static-tokens.ts';
import type { Logger } from '../../src/log.ts';
import type { UpstreamMode } from '../../src/policy/impersonate.ts';
import { createForwarder } from '../../src/proxy/forward.ts';
import type { LimitFigures } from '../../src/proxy/limits.ts';
import { createLimits } from '../../src/proxy/limits.ts';
import { connectRecorder } from '../../src/recording/connect.ts';
import { deliverEvent } from '../../src/recording/deliver-event.ts';
import { LiveCastRoom } from '../../src/recording/live-cast.ts';
import { RecorderHealth } from '../../src/recording/recorder-health.ts';
import type { RecorderLimits } from '../../src/recording/recorder-limits.ts';
import type { RecordingLimits } from '../../src/recording/recording-limits.ts';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import type { ProxyServer } from '../../src/server.ts';
import { startProxyServer } from '../../src/server.ts';
import type { SessionLimits } from '../../src/session/actors.ts';
import { DEFAULT_SESSION_LIMITS } from '../../src/session/actors.ts';
import { FailOpenLedger } from '../../src/session/fail-open-ledger.ts';
import { SessionRegistry } from '../../src/session/registry.ts';
import type { SessionEnvironment } from '../../src/session/session.ts';
import type { SessionView } from '../../src/session/view.ts';
import { withoutCredential } from '../../src/upstream/target.ts';
import { plainUpstream } from '../src/upstream/plain-upstream.ts';
import type { Peer } from './peer.ts';
import { FakeUpstream, tlsPeer } from './peer.ts';
import type { Recorder } from './recorder.ts';
import { startRecorder } from './recorder.ts';

export const POLICIES = ['open', 'closed'] as const;
export type Policy = (typeof POLICIES)[number];

export interface RigOptions {
  /** In list order; one good one if left out. */
  readonly recorders?: readonly string[];
  readonly sessionLimits?: Partial<SessionLimits>;
  readonly recorderLimits?: Partial<RecorderLimits>;
  readonly recordingLimits?: Partial<RecordingLimits>;
  readonly dialLimitMs?: number;
  readonly env?: Partial<Pick<SessionEnvironment, 'clock' | 'connectRecorder'>>;
  /** Called with every audit event before it is kept. */
  readonly onAudit?: (event: AuditEvent) => void;
  /** In place of the tokens. */
  readonly authenticate?: Authenticator;
  readonly mode?: UpstreamMode;
  readonly limits?: Partial<LimitFigures>;
  /** Beside the two callers, whose tokens are `open` and `closed`. */
  readonly identities?: readonly StaticIdentity[];
}

export interface Rig {
  readonly upstream: FakeUpstream;
  /** The default one; unused if others were given. */
  readonly recorder: Recorder;
  readonly sessions: SessionRegistry;
  readonly server: ProxyServer;
  readonly audit: readonly AuditEvent[];
  /** Every log line, as JSON. */
  readonly log: readonly string[];
  /** How many uploads the recorder had accepted when each connection reached upstream. */
  readonly uploadsBefore: readonly number[];
  client(): Promise<Peer>;
  /** Resolves when that holds; looked at after each audit event and each step of a session. */
  until(holds: () => boolean): Promise<void>;
  /** The audit's last word on the nth session to end, counted from 1. */
  ended(count?: number): Promise<Extract<AuditEvent, { type: 'session.ended' }>>;
  /** Of the latest session that reached it. */
  state(name: string): Promise<SessionView>;
}

const PLENTY = { sessions: 10_000, sessionsPerCaller: 10_000, requests: 10_000, longRunning: 10_000 };
const certificates = createCertificates(['localhost'], ['127.0.0.1']);

/** The real proxy in this process, between a raw TLS client and a raw TCP upstream. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const recorder = await startRecorder();
  const recorders = options.recorders ?? [recorder.address];
  const uploadsBefore: number[] = [];
  const upstream = new FakeUpstream(() => uploadsBefore.push(recorder.uploads.length));
  const plain = plainUpstream(await upstream.listen());
  const target = options.mode === 'noauth' ? withoutCredential(plain) : plain;
  const changes = new Changes();
  const audit: AuditEvent[] = [];
  const sink: AuditSink = {
    write: event => {
      options.onAudit?.(event);
      audit.push(event);
      changes.tell();
    },
    close: () => {},
  };
  const log: string[] = [];
  const logger = keepingLog(log);
  // Nobody is looked after between sessions here: each test has its own proxy.
  const health = new RecorderHealth({ probe: () => Promise.reject(new Error('not probed here')) });
  const sessions = new SessionRegistry({
    health,
    failOpen: new FailOpenLedger({ clock: systemClock }),
    auditSettled: () => Promise.resolve(),
    mayStartSession: () => true,
    cluster: 'hostile',
    upstream: target,
    clock: options.env?.clock ?? systemClock,
    log: logger,
    audit: sink,
    liveCastRoom: new LiveCastRoom(),
    dialLimitMs: options.dialLimitMs ?? 20_000,
    settings: () => ({
      connectRecorder:
        options.env?.connectRecorder ??
        ((address, connecting) =>
          connectRecorder(address, { ...connecting, limits: options.recorderLimits ?? {} })),
      recordingLimits: options.recordingLimits ?? {},
      limits: {
        ...DEFAULT_SESSION_LIMITS,
        staggerMs: 20,
        connectMs: 10_000,
        finishMs: 10_000,
        ...options.sessionLimits,
      },
    }),
    keepEnded: () => ({ atMost: 1_000, forMs: 600_000 }),
  });
  const seen = new Map<string, SessionView>();
  sessions.on('changed', view => {
    seen.set(view.id, view);
    changes.tell();
  });
  const forwarder = createForwarder(target, { log: logger });
  const { certPem: cert, keyPem: key } = await certificates;
  const policy = {
    authenticate: options.authenticate ?? authenticator(recorders, options.identities ?? []),
    grants: [],
  };
  const server = await startProxyServer({
    address: '127.0.0.1',
    port: 0,
    tls: { cert, key },
    policy: () => policy,
    mayStartSession: () => true,
    limits: createLimits({ ...PLENTY, ...options.limits }),
    forwarder,
    upstream: target,
    audit: sink,
    log: logger,
    clock: systemClock,
    health,
    deliverEvent,
    sessions,
  });
  const clients: Peer[] = [];
  onTestFinished(async () => {
    for (const { socket } of clients) socket.destroy();
    await upstream.stopListening();
    await sessions.drain(0);
    health.close();
    forwarder.close();
    await server.close(0);
  });
  const endings = (): Extract<AuditEvent, { type: 'session.ended' }>[] =>
    audit.filter(event => event.type === 'session.ended');
  return {
    upstream,
    recorder,
    sessions,
    server,
    audit,
    log,
    uploadsBefore,
    client: async () => {
      const peer = await tlsPeer(server.port);
      clients.push(peer);
      return peer;
    },
    until: holds => changes.until(holds),
    ended: async (count = 1) => {
      await changes.until(() => endings().length >= count);
      const event = endings()[count - 1];
      if (event === undefined) throw new Error('the audit lost an event');
      return event;
    },
    state: async name => {
      const reached = (): SessionView | undefined =>
        [...seen.values()].findLast(({ transitions }) => transitions.some(({ state }) => state === name));
      await changes.until(() => reached() !== undefined);
      const view = reached();
      if (view === undefined) throw new Error(`no session reached ${name}`);
      return view;
    },
  };
}

function authenticator(recorderAddrs: readonly string[], more: readonly StaticIdentity[]) {
  const rule = { impersonateGroups: ['dev'], recorderAddrs };
  return staticTokens(
    [...POLICIES.map(policy => ({ user: `${policy}@test`, groups: [], secret: { token: policy } })), ...more],
    [
      {
        subjects: [{ user: 'open@test' }],
        rule: { ...rule, origin: 'grants[0]', enforceRecorder: false },
      },
      {
        subjects: [{ user: 'closed@test' }, ...more.map(({ user }) => ({ user }))],
        rule: { ...rule, origin: 'grants[1]', enforceRecorder: true },
      },
    ],
  );
}

/** Somebody may wait for something to hold. */
class Changes {
  #waiting: (() => void)[] = [];

  tell(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>(resolve => this.#waiting.push(resolve));
  }
}

function keepingLog(lines: string[]): Logger {
  const at = (level: string) => (fields: object, message: string) => {
    lines.push(JSON.stringify({ level, message, ...fields }));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
