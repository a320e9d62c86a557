import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Balancer } from '../support/balancer.ts';
import { startGetLoad } from '../support/get-load.ts';
import { type KubectlVersion, kubectlPath } from '../support/kubectl.ts';
import type { ProxyProcess, ReplicaProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, startReplica, TOKENS } from '../support/process-group.ts';
import { kubewitness, reader, until } from '../support/try-cluster.ts';

const DELAY_MS = 1_000;
const DRAIN_MS = 4_000;

interface Shell {
  readonly child: ChildProcess;
  readonly output: ReturnType<typeof reader>;
  readonly errors: () => string;
  readonly exit: Promise<number>;
}

test('a rolling update under load: no GET fails, sessions get their drain, each has one end', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-rolling-'));
  const recorder = await RecorderProcess.start(join(dir, 'recordings'));
  const base = await startProxyProcess([recorder.address], {
    shutdown: { delayMs: DELAY_MS },
    sessions: { drainMs: DRAIN_MS },
  });
  const replicas: ReplicaProcess[] = [];
  const another = async (): Promise<ReplicaProcess> => {
    const replica = await startReplica(base, `replica-${replicas.length}`);
    replicas.push(replica);
    return replica;
  };
  const old = [await another(), await another()];
  const balancer = await Balancer.start(old);
  onTestFinished(async () => {
    balancer.close();
    await Promise.all(replicas.map(replica => replica.stop()));
    await base.stop();
    await recorder.kill();
  });
  const url = `https://127.0.0.1:${balancer.port}`;
  const kubeconfig = writeKubeconfig(dir, base, url);
  const load = startGetLoad(url, base.caPem, TOKENS.open);

  await until(() => load.served() > 20);
  const shells = await openOnEach(old, balancer, kubeconfig);
  balancer.prefer(old[0]);
  const watch = await openKubectl(kubeconfig, '1.36', ['get', 'pods', '--watch', '-o', 'name'], 'pod/shell');
  balancer.prefer(undefined);
  for (const replica of old) {
    await balancer.add(await another());
    process.kill(replica.pid, 'SIGTERM');
    await until(() => !balancer.isReady(replica));
    // The listener still answers; it takes no session any more.
    expect(await execStraight(replica, base.caPem)).toEqual({ status: 503, retryAfter: '1' });
    const [done, told] = shells.get(replica) ?? [];
    done?.child.stdin?.end('last words\n');
    expect(await done?.exit).toBe(0);
    expect(done?.output.text()).toContain('last words');
    expect(await told?.exit).not.toBe(0);
    expect(told?.output.text()).toContain('the session was stopped by the shutdown of the proxy');
    expect(await replica.exit).toBe(0);
  }
  // Its watch ended whole: for kubectl that is the end of it, and no error.
  expect([await watch.exit, watch.errors()]).toEqual([0, '']);
  // All through the new ones.
  const before = load.served();
  await until(() => load.served() > before + 20);
  await load.stop();
  expect(load.failures).toEqual([]);

  for (const replica of old) {
    const lines = auditOf(replica.auditFile);
    const ids = (type: string): string[] =>
      lines.filter(line => line['type'] === type).map(line => String(line['sessionId']));
    expect(ids('session.started')).toHaveLength(2);
    expect(ids('session.ended').toSorted()).toEqual(ids('session.started').toSorted());
    const outcomes = lines.filter(line => line['type'] === 'session.ended').map(line => line['outcome']);
    expect(outcomes.toSorted()).toEqual(['recorded', 'stopped']);
    expect(lines.at(-1)).toMatchObject({ type: 'proxy.stopped' });
    expect((await kubewitness(['audit', 'verify', '--file', replica.auditFile])).code).toBe(0);
  }
}, 120_000);

/** Two sessions on each replica, one of each kubectl. */
async function openOnEach(
  replicas: readonly ReplicaProcess[],
  balancer: Balancer,
  kubeconfig: string,
): Promise<Map<ReplicaProcess, Shell[]>> {
  const shells = new Map<ReplicaProcess, Shell[]>();
  for (const replica of replicas) {
    balancer.prefer(replica);
    shells.set(replica, [
      await openShell(kubeconfig, '1.36', 'one'),
      await openShell(kubeconfig, '1.29', 'other'),
    ]);
  }
  balancer.prefer(undefined);
  return shells;
}

function openShell(kubeconfig: string, version: KubectlVersion, marker: string): Promise<Shell> {
  return openKubectl(
    kubeconfig,
    version,
    ['exec', '-i', 'shell', '--', 'sh', '-c', `echo ${marker}; cat`],
    marker,
  );
}

/** A kubectl that has said `marker`. */
async function openKubectl(
  kubeconfig: string,
  version: KubectlVersion,
  command: readonly string[],
  marker: string,
): Promise<Shell> {
  const child = spawn(await kubectlPath(version), ['--kubeconfig', kubeconfig, ...command], {
    stdio: 'pipe',
    env: { PATH: process.env['PATH'], HOME: tmpdir() },
  });
  const output = reader(child);
  let errors = '';
  child.stderr.on('data', chunk => {
    errors += String(chunk);
  });
  const exit = once(child, 'exit').then(([code]) => Number(code));
  await output.seen(marker);
  return { child, output, errors: () => errors, exit };
}

function execStraight(replica: ReplicaProcess, ca: string): Promise<object> {
  return new Promise((resolve, reject) => {
    const path = '/api/v1/namespaces/default/pods/shell/exec?command=id&stdout=true';
    const asked = request(`${replica.url}${path}`, {
      ca,
      agent: false,
      headers: {
        authorization: `Bearer ${TOKENS.open}`,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'v5.channel.k8s.io',
      },
    });
    asked.on('response', ({ statusCode, headers }) => {
      resolve({ status: statusCode, retryAfter: headers['retry-after'] });
      asked.destroy();
    });
    asked.on('upgrade', () => reject(new Error('a draining replica took a session')));
    asked.on('error', reject);
    asked.end();
  });
}

function writeKubeconfig(dir: string, { caPem }: ProxyProcess, server: string): string {
  const path = join(dir, 'kubeconfig');
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'c',
          cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') },
        },
      ],
      users: [{ name: 'bob', user: { token: TOKENS.closed } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'bob' } }],
      'current-context': 'x',
    }),
  );
  return path;
}

function auditOf(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
}
