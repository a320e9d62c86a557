import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificates } from '../../src/sandbox/certificate.ts';
import { Chaos } from './chaos.ts';
import { runClient, type Seen } from './client.ts';
import { Disk } from './disk.ts';
import type { Plan } from './fates.ts';
import { CALLERS, planOf } from './fates.ts';
import { type Holding, Probed } from './probed.ts';
import { Random } from './random.ts';
import { SoakRecorder } from './recorder.ts';
import type { SoakSettings } from './settings.ts';
import { StandIn } from './upstream.ts';

/** How many ended sessions the proxy lists. */
export const KEPT = 20;

/** Of asking what is held. Recorders are given up after some seconds, idle connections after some more. */
const ROUNDS = 15;
const HOUR_MS = 3_600_000;

export interface SoakRig {
  readonly proxy: Probed;
  readonly recorders: readonly SoakRecorder[];
  readonly auditFile: string;
  readonly chaos: Chaos;
  /** Every session that was begun, and what its client saw. */
  readonly seen: ReadonlyMap<string, { readonly plan: Plan; readonly seen: Seen }>;
  /** Why nothing was tried on a full disk. */
  readonly withoutDisks: string | undefined;
  /** Runs so many more sessions, as many at once as the settings say; fewer when `untilMs` has come. */
  run(sessions: number, untilMs: number): Promise<void>;
  /** With everything mended and nobody connected; asked again until there is no more to let go of. */
  atRest(enough: (holding: Holding) => boolean): Promise<Holding>;
  close(): Promise<void>;
}

/** One proxy between clients, a stand-in for the API server, and two recorders. */
export async function startSoak(settings: SoakSettings): Promise<SoakRig> {
  const { seed, atOnce } = settings;
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-soak-'));
  const plan = (number: number): Plan => planOf(seed, number);
  const upstream = await StandIn.start(plan);
  const auditDisk = Disk.mount(join(dir, 'audit'));
  const castDisk = Disk.mount(join(dir, 'first'));
  const first = new SoakRecorder('first recorder', join(dir, 'first', 'casts'), castDisk);
  const second = new SoakRecorder('second recorder', join(dir, 'second'));
  const recorders = [first, second];
  for (const recorder of recorders) {
    mkdirSync(recorder.dir, { recursive: true });
    await recorder.start();
  }
  const config = await writeConfig(
    dir,
    upstream.port,
    recorders.map(({ witness }) => witness.address),
  );
  const proxy = await Probed.start(['proxy', '--config', config], join(dir, 'proxy.json'));
  const port = Number(new URL(proxy.ready['proxy'] ?? '').port);

  const random = new Random(seed);
  const stepClocks = async (): Promise<void> => {
    const stepMs = random.int(-24 * HOUR_MS, 24 * HOUR_MS);
    await proxy.stepClock(stepMs);
    // Each has a clock of its own.
    for (const recorder of recorders) await recorder.stepClock(random.int(-HOUR_MS, HOUR_MS));
  };
  const chaos = new Chaos(random, [
    first,
    second,
    { name: 'upstream killed', break: () => upstream.kill(), mend: () => upstream.restart() },
    { name: 'clock stepped', break: stepClocks, mend: stepClocks },
    ...diskFaults('audit disk full', auditDisk),
    ...diskFaults('recorder disk full', castDisk),
  ]);

  const seen = new Map<string, { plan: Plan; seen: Seen }>();
  let begun = 0;
  let ended = 0;
  const worker = async (last: number, untilMs: number): Promise<void> => {
    while (begun < last && Date.now() < untilMs) {
      const next = plan(begun++);
      seen.set(next.pod, { plan: next, seen: await runClient(port, next) });
      chaos.ended(++ended);
    }
  };
  return {
    proxy,
    recorders,
    auditFile: join(dir, 'audit', 'audit.jsonl'),
    chaos,
    seen,
    withoutDisks: auditDisk === undefined ? 'full disks: skipped, this process may not mount' : undefined,
    run: async (sessions, untilMs) => {
      const last = begun + sessions;
      await Promise.all(Array.from({ length: atOnce }, () => worker(last, untilMs)));
      await chaos.mendAll();
    },
    atRest: async enough => {
      let holding = await proxy.holding();
      for (let round = 0; round < ROUNDS && !enough(holding); round++) {
        await sleep(2_000);
        holding = await proxy.holding();
      }
      return holding;
    },
    close: async () => {
      await proxy.end('SIGKILL');
      for (const recorder of recorders) await recorder.stop();
      await upstream.kill();
      auditDisk?.unmount();
      castDisk?.unmount();
    },
  };
}

function diskFaults(name: string, disk: Disk | undefined) {
  return disk === undefined ? [] : [{ name, break: () => disk.fill(), mend: () => disk.empty() }];
}

async function writeConfig(dir: string, upstreamPort: number, recorders: readonly string[]): Promise<string> {
  const { certPem, keyPem } = await createCertificates(['localhost'], ['127.0.0.1']);
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  write('tls.crt', certPem);
  write('tls.key', keyPem);
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${upstreamPort}` } }],
    users: [{ name: 'u', user: { token: 'proxy-token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  write('upstream.kubeconfig', JSON.stringify(kubeconfig));
  const config = {
    listen: { address: '127.0.0.1', port: 0, tls: { cert: 'tls.crt', key: 'tls.key' } },
    admin: { address: '127.0.0.1', port: 0 },
    upstream: { kubeconfig: 'upstream.kubeconfig' },
    identity: { static: CALLERS.map(token => ({ user: token, token })) },
    grants: [
      { subjects: [{ user: 'open' }], recorderAddrs: recorders },
      { subjects: [{ user: 'closed' }], recorderAddrs: recorders, enforceRecorder: true },
    ],
    recording: { maxUnackedMs: 5_000, connectMs: 3_000, finalAnswerMs: 3_000 },
    sessions: { keepEnded: KEPT, drainMs: 5_000 },
    shutdown: { delayMs: 0 },
    audit: { file: 'audit/audit.jsonl' },
    log: { level: 'error' },
  };
  return write('proxy.yaml', JSON.stringify(config));
}
