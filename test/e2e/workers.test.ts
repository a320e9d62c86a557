import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ExecClient } from '../support/exec-client.ts';
import { kubectlAt } from '../support/kubectl-at.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, startReplica, TOKENS } from '../support/process-group.ts';
import { kubewitness, until } from '../support/try-cluster.ts';
import { auditOf, metric, replaced, whoHas, workersOf } from '../support/workers.ts';

async function cluster(changes: object = {}) {
  const recorder = await RecorderProcess.start(mkdtempSync(join(tmpdir(), 'kubewitness-workers-')));
  const proxy = await startProxyProcess([recorder.address], {
    workers: 2,
    log: { level: 'info' },
    sessions: { drainMs: 500 },
    ...changes,
  });
  onTestFinished(async () => {
    await proxy.stop();
    await recorder.kill();
  });
  return { recorder, proxy };
}

/** So many that each worker has some, each with a line written and seen. */
async function sessionsAt(proxy: Pick<ProxyProcess, 'url' | 'caPem'>, count: number): Promise<ExecClient[]> {
  const sessions: ExecClient[] = [];
  for (let at = 0; at < count; at++) {
    const session = await ExecClient.open(proxy, TOKENS.closed, ['cat']);
    session.type(`line ${at}\n`);
    await session.seen(`line ${at}`);
    sessions.push(session);
  }
  return sessions;
}

async function expectSoundAudit(proxy: Pick<ProxyProcess, 'auditFile'>): Promise<void> {
  const ids = (type: string): unknown[] => auditOf(proxy, type).map(({ sessionId }) => sessionId);
  expect(ids('session.ended').toSorted()).toEqual(ids('session.started').toSorted());
  const { code, stdout, stderr } = await kubewitness(['audit', 'verify', '--file', proxy.auditFile]);
  expect(code, `${String(stdout)}${stderr}`).toBe(0);
}

test('a worker that dies takes its own sessions with it, once each, and comes back; kubectl notices nothing else', async () => {
  const { recorder, proxy } = await cluster();
  const workers = await workersOf(proxy);
  expect(workers).toHaveLength(2);
  const sessions = await sessionsAt(proxy, 4);
  const placed = whoHas(proxy.output());
  expect([...placed.values()].toSorted()).toEqual([1, 1, 2, 2]);
  await until(() => auditOf(proxy, 'recording.acknowledged').length === 4);

  await replaced(proxy, workers[0] ?? 0);
  const cut = auditOf(proxy, 'session.ended');
  expect(cut).toMatchObject(
    Array.from({ length: 2 }, () => ({
      outcome: 'interrupted',
      state: 'joined.streaming',
      cause: { code: 'KW_INTERRUPTED' },
      lastAcked: { offset: expect.any(Number) },
      user: { name: 'bob' },
    })),
  );
  const dead = new Set(cut.map(({ sessionId }) => placed.get(String(sessionId))));
  expect(dead.size).toBe(1);
  const listed = (await (await fetch(`${proxy.admin}/api/v1/sessions`)).json()) as {
    items: { id: string; outcome?: string }[];
  };
  const outcomes = new Map(listed.items.map(({ id, outcome }) => [id, outcome]));
  for (const [id, worker] of placed) {
    expect(outcomes.get(id)).toBe(dead.has(worker) ? 'interrupted' : undefined);
  }
  expect(await metric(proxy, 'kubewitness_sessions{state="joined.streaming"}')).toBe(2);
  expect(await metric(proxy, 'kubewitness_sessions_ended_total{outcome="interrupted"}')).toBe(2);

  // The others go on, and new ones begin in both workers.
  for (const session of sessions) session.type('after\n');
  await until(() => sessions.filter(({ stdout }) => stdout.includes('after')).length === 2);
  for (const version of ['1.29', '1.36'] as const) {
    for (let round = 0; round < 2; round++) {
      const kubectl = kubectlAt(proxy.url, proxy.caPem, version);
      const args = ['exec', 'shell', '--', 'echo', 'hello'];
      const { code, stdout } = await kubectl(args, ['--token', TOKENS.closed]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'hello\n' });
    }
  }
  for (const session of sessions) session.close();
  await until(() => auditOf(proxy, 'session.ended').length === auditOf(proxy, 'session.started').length);
  await expectSoundAudit(proxy);
  expect(auditOf(proxy, 'proxy.started')).toHaveLength(1);

  // What the recorder had of the two is kept as incomplete.
  await until(async () => {
    const { stdout } = await kubewitness(['recordings', 'list', '--dir', recorder.dir, '--json']);
    const manifests = String(stdout)
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { complete: boolean });
    return manifests.filter(({ complete }) => !complete).length >= 2;
  });
});

test('SIGTERM drains every worker, and the audit is whole', async () => {
  const { proxy } = await cluster({ sessions: { drainMs: 1_500 } });
  const replica = await startReplica(proxy, 'replica');
  const sessions = await sessionsAt({ ...proxy, url: replica.url }, 2);
  process.kill(replica.pid, 'SIGTERM');
  await until(async () => (await fetch(`${replica.admin}/readyz`)).status === 503);
  for (const session of sessions) {
    session.type('after it\n');
    await session.seen('after it');
    expect(session.stdout).toContain('after it');
  }
  await expect(ExecClient.open({ ...proxy, url: replica.url }, TOKENS.open, ['cat'])).rejects.toThrow('503');
  expect(await replica.exit).toBe(0);
  for (const session of sessions) {
    expect(JSON.parse(session.status)).toMatchObject({
      message: expect.stringContaining('stopped by the shutdown of the proxy'),
    });
  }
  const ends = auditOf(replica, 'session.ended');
  expect(ends).toMatchObject(Array.from({ length: 2 }, () => ({ outcome: 'stopped' })));
  expect(auditOf(replica).at(-1)).toMatchObject({ type: 'proxy.stopped' });
  await expectSoundAudit(replica);
});

test('with the primary killed no worker goes on, and the next start ends what was open', async () => {
  const { proxy } = await cluster();
  const replica = await startReplica(proxy, 'killed');
  const workers = await workersOf(replica);
  await sessionsAt({ ...proxy, url: replica.url }, 2);
  process.kill(replica.pid, 'SIGKILL');
  expect(await replica.exit).toBe('SIGKILL');
  await until(() => !workers.some(isThere));
  const next = await startReplica(proxy, 'killed');
  await next.stop();
  expect(auditOf(next, 'session.ended')).toMatchObject(
    Array.from({ length: 2 }, () => ({ outcome: 'interrupted' })),
  );
  await expectSoundAudit(next);
});

test('what keeps workers from starting is told as one process tells it', async () => {
  const { proxy } = await cluster();
  const port = Number(new URL(proxy.url).port);
  const config: object = JSON.parse(readFileSync(join(proxy.dir, 'proxy.yaml'), 'utf8'));
  const taken = {
    ...config,
    listen: { address: '127.0.0.1', port, tls: { cert: 'tls.crt', key: 'tls.key' } },
  };
  await expect(startReplica(proxy, 'taken', taken)).rejects.toThrow('the port is in use');
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
