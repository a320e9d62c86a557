import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { duplexPair } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { CoverageCount } from '../../src/audit/coverage.ts';
import { openJsonlReader } from '../../src/audit/jsonl-reader.ts';
import { openJsonlSink } from '../../src/audit/jsonl-sink.ts';
import { Verifier } from '../../src/audit/verify.ts';
import { systemClock } from '../../src/clock.ts';
import { readUpgrade } from '../../src/kube/upgrade.ts';
import { listen } from '../../src/listen.ts';
import { silentLogger } from '../../src/log.ts';
import { LiveCastRoom } from '../../src/recording/live-cast.ts';
import { RecorderHealth } from '../../src/recording/recorder-health.ts';
import { RecorderError } from '../../src/recording/upload.ts';
import { DEFAULT_SESSION_LIMITS } from '../../src/session/actors.ts';
import { FailOpenLedger } from '../../src/session/fail-open-ledger.ts';
import { SessionRegistry } from '../../src/session/registry.ts';
import type { SessionRequest } from '../../src/session/request.ts';
import { FakeUpload } from '../src/recording/fake-upload.ts';
import { plainUpstream } from '../src/upstream/plain-upstream.ts';
import { SUCCESS, speech, switching } from './speech.ts';

/*
 * The real registry, machine, relay, recording and audit file, over loopback TCP to upstream; clients and recorders are
 * in memory, since twenty thousand TLS handshakes would prove nothing more.
 */

const SESSIONS = 10_000;
const AT_ONCE = 100;

/** How a session is to go, and what the audit must call that. */
const FATES = {
  recorded: { recorder: 'good:1', failMode: 'closed', outcome: 'recorded', failures: 0 },
  recordedOpen: { recorder: 'good:1', failMode: 'open', outcome: 'recorded', failures: 0 },
  noRecorder: { recorder: 'dead:1', failMode: 'open', outcome: 'unrecorded', failures: 1 },
  noRecorderClosed: { recorder: 'dead:1', failMode: 'closed', outcome: 'refused', failures: 1 },
  lost: { recorder: 'lost:1', failMode: 'open', outcome: 'unrecorded', failures: 1 },
  lostClosed: { recorder: 'lost:1', failMode: 'closed', outcome: 'terminated', failures: 1 },
  unconfirmed: { recorder: 'late:1', failMode: 'closed', outcome: 'unrecorded', failures: 1 },
  clientLeaves: { recorder: 'good:1', failMode: 'closed', outcome: 'aborted', failures: 0 },
  upstreamRefuses: { recorder: 'good:1', failMode: 'closed', outcome: 'refused', failures: 0 },
  passed: { recorder: undefined, failMode: 'open', outcome: 'passed', failures: 0 },
} as const;
type Fate = keyof typeof FATES;
const NAMES = Object.keys(FATES) as Fate[];

const say = speech('websocket', '');
const RAW_HEADERS = [
  ...['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'],
  ...['Sec-WebSocket-Key', 'AAECAwQFBgcICQoLDA0ODw==', 'Sec-WebSocket-Protocol', 'v5.channel.k8s.io'],
];

function requestFor(fate: Fate): SessionRequest {
  const upgrade = readUpgrade('GET', RAW_HEADERS);
  if (upgrade === undefined) throw new Error('no upgrade');
  const { recorder, failMode } = FATES[fate];
  return {
    type: 'exec',
    method: 'GET',
    path: `/api/v1/namespaces/d/pods/${fate}/exec`,
    namespace: 'd',
    pod: fate,
    exec: {
      command: ['cat'],
      container: 'c',
      streams: { stdin: true, stdout: true, stderr: true, tty: false },
      others: [],
    },
    upgrade,
    rawHeaders: RAW_HEADERS,
    remoteAddress: '192.0.2.7',
    userAgent: 'test',
    caller: {
      user: 'ann',
      groups: ['dev'],
      source: 'static',
      rules: [
        {
          origin: 'grants[0]',
          impersonateGroups: [],
          recorderAddrs: recorder === undefined ? [] : [recorder],
          enforceRecorder: failMode === 'closed',
        },
      ],
    },
  };
}

/** Confirms all that it gets, until its fate. */
class Upload extends FakeUpload {
  readonly #lost: boolean;
  #lines = 0;

  constructor(address: string) {
    super();
    this.#lost = address === 'lost:1';
    if (address === 'late:1') this.endsWith = failureOf(address, 'finalise');
  }

  override write(bytes: Buffer): boolean {
    super.write(bytes);
    this.#lines++;
    if (this.#lost && this.#lines > 1) queueMicrotask(() => this.fail());
    else queueMicrotask(() => this.acknowledge(bytes.length));
    return true;
  }
}

function failureOf(recorder: string, phase: 'connect' | 'finalise'): RecorderError {
  return new RecorderError({ kind: 'reset', phase, recorder, message: `recorder ${recorder}: gone` });
}

/** An API server; the session's id is in what it is asked. */
async function startUpstream(joined: (id: string, fate: Fate, socket: Socket) => void): Promise<number> {
  const server = createServer(socket => {
    let head = '';
    socket.on('error', () => {});
    const onData = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onData);
      socket.resume();
      const id = /\r\nAudit-ID: (\S+)/.exec(head)?.[1] ?? '';
      const fate = NAMES.find(name => head.includes(`/pods/${name}/`)) ?? 'passed';
      if (fate === 'upstreamRefuses') socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      else {
        socket.write(switching('websocket'));
        joined(id, fate, socket);
      }
    };
    socket.on('data', onData);
  });
  const { port } = await listen(server, '127.0.0.1', 0);
  onTestFinished(() => {
    server.close();
  });
  return port;
}

test(`${SESSIONS} sessions leave ${SESSIONS} ends, and an audit that is whole`, async () => {
  // In memory where the system has such a place: 20,000 waits for a disk are not what is tried here.
  const memory = '/dev/shm';
  const folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'kubewitness-many-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'audit.jsonl');
  const lost: string[] = [];
  const sink = openJsonlSink({
    file,
    clock: systemClock,
    maxBytes: 4 * 1024 * 1024,
    failed: error => lost.push(String(error)),
  });
  /** Our ends of the clients' connections: a reset destroys them. */
  const sockets = new Map<string, Duplex>();
  const upstreams = new Map<string, Socket>();
  const finish = (socket: Socket | undefined): void => {
    socket?.end(Buffer.concat([say.status(SUCCESS), say.farewell]));
  };
  const port = await startUpstream((id, fate, socket) => {
    socket.write(say.output('output'));
    upstreams.set(id, socket);
    if (fate === 'clientLeaves') sockets.get(id)?.destroy();
    // Those whose recorder is lost end when the policy has been applied.
    else if (fate !== 'lost' && fate !== 'lostClosed') finish(socket);
  });
  const health = new RecorderHealth({ probe: () => Promise.reject(new Error('not probed here')) });
  onTestFinished(() => health.close());

  const registry = new SessionRegistry({
    health,
    mayStartSession: () => sink.mayStartSession(),
    cluster: 'many',
    upstream: plainUpstream(port),
    clock: systemClock,
    log: silentLogger,
    audit: sink,
    failOpen: new FailOpenLedger({ clock: systemClock }),
    liveCastRoom: new LiveCastRoom(),
    dialLimitMs: 20_000,
    settings: () => ({
      connectRecorder: async (address: string) => {
        if (address === 'dead:1') throw failureOf(address, 'connect');
        return new Upload(address);
      },
      recordingLimits: {},
      limits: { ...DEFAULT_SESSION_LIMITS, staggerMs: 20 },
    }),
    keepEnded: () => ({ atMost: 100, forMs: 600_000 }),
  });
  let started = 0;
  let ended = 0;
  await new Promise<void>(resolve => {
    const next = (): void => {
      if (started === SESSIONS) return;
      const fate = NAMES[started % NAMES.length] ?? 'passed';
      const id = `s-${started++}`;
      const [client, ours] = duplexPair();
      client.on('error', () => {});
      client.resume();
      client.on('end', () => client.end());
      sockets.set(id, ours);
      registry.start(id, requestFor(fate), { client: ours, head: Buffer.alloc(0) });
    };
    registry.on('changed', ({ id, state, endedAt }) => {
      if (state === 'joined.failingOpen') finish(upstreams.get(id));
      if (endedAt === undefined) return;
      sockets.delete(id);
      upstreams.delete(id);
      ended++;
      if (ended === SESSIONS) resolve();
      else setImmediate(next);
    });
    for (let count = 0; count < AT_ONCE; count++) next();
  });
  sink.close();
  expect(lost).toEqual([]);
  expect(registry.liveCount).toBe(0);

  const verifier = new Verifier();
  const coverage = new CoverageCount();
  const sessions = new Map<string, { fate: string; types: string[]; outcome?: string }>();
  const reader = openJsonlReader(file);
  for await (const { text, file: part, number } of reader.lines())
    verifier.line(text, { file: part, number });
  for await (const { record } of reader.records()) {
    coverage.see(record);
    if (!('target' in record)) throw new Error(`what is ${record.type} doing here?`);
    const session = sessions.get(record.sessionId) ?? { fate: record.target.pod, types: [] };
    session.types.push(record.type);
    if (record.type === 'session.ended') session.outcome = record.outcome;
    sessions.set(record.sessionId, session);
  }
  await reader.close();
  expect(verifier.finish()).toMatchObject({ problems: [], torn: [], chains: [{ firstSeq: 1 }] });
  expect(coverage.result().contradictions).toEqual([]);
  expect(sessions.size).toBe(SESSIONS);
  const wrong = [...sessions].filter(([, { fate, types, outcome }]) => {
    const { outcome: wanted, failures } = FATES[NAMES.find(name => name === fate) ?? 'passed'];
    const count = (type: string): number => types.filter(other => other === type).length;
    return !(
      types[0] === 'session.started' &&
      types.at(-1) === 'session.ended' &&
      count('session.started') === 1 &&
      count('session.ended') === 1 &&
      count('recording.failed') === failures &&
      outcome === wanted
    );
  });
  expect(wrong.slice(0, 3)).toEqual([]);
}, 240_000);
