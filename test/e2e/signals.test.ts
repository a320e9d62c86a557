import { mkdtempSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ExecClient } from '../support/exec-client.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, startReplica, TOKENS } from '../support/process-group.ts';
import { kubewitness, until } from '../support/try-cluster.ts';

async function cluster(changes: object = {}) {
  const recorder = await RecorderProcess.start(mkdtempSync(join(tmpdir(), 'kubewitness-signals-')));
  const proxy = await startProxyProcess([recorder.address], changes);
  onTestFinished(async () => {
    await proxy.stop();
    await recorder.kill();
  });
  return { recorder, proxy };
}

async function verified(file: string): Promise<void> {
  const { code, stdout, stderr } = await kubewitness(['audit', 'verify', '--file', file]);
  expect(code, `${String(stdout)}${stderr}`).toBe(0);
}

function linesOf(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, 'utf8');
  expect(text.at(-1)).toBe('\n');
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

test('further SIGTERMs hurry nothing: the session is told, its recording is finished, the audit is whole', async () => {
  const { recorder, proxy } = await cluster({ sessions: { drainMs: 1_500 } });
  const replica = await startReplica(proxy, 'replica');
  const session = await ExecClient.open({ ...proxy, url: replica.url }, TOKENS.closed, ['cat']);
  session.type('before the signal\n');
  await session.seen('before the signal');

  process.kill(replica.pid, 'SIGTERM');
  await until(async () => (await fetch(`${replica.admin}/readyz`)).status === 503);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM'] as const) process.kill(replica.pid, signal);
  // It lives for its drain all the same.
  session.type('after it\n');
  await session.seen('after it');
  expect(await replica.exit).toBe(0);

  expect(JSON.parse(session.status)).toMatchObject({
    status: 'Failure',
    reason: 'ServiceUnavailable',
    message: expect.stringContaining('stopped by the shutdown of the proxy'),
  });
  const lines = linesOf(replica.auditFile);
  const ends = lines.filter(({ type }) => type === 'session.ended');
  expect(ends).toMatchObject([{ outcome: 'stopped' }]);
  expect(lines.map(({ type }) => type)).not.toContain('recording.failed');
  expect(lines.at(-1)).toMatchObject({ type: 'proxy.stopped' });
  await verified(replica.auditFile);
  const listed = await kubewitness(['recordings', 'list', '--dir', recorder.dir, '--json']);
  expect(String(listed.stdout)).toContain('"complete":true');
});

test('kill -9 in mid-write leaves whole lines, and the next start ends what was open', async () => {
  const { proxy } = await cluster();
  for (let round = 0; round < 3; round++) {
    const replica = await startReplica(proxy, 'killed');
    await ExecClient.open({ ...proxy, url: replica.url }, TOKENS.open, ['cat']);
    const before = linesOf(replica.auditFile).length;
    const writing = refusals(replica.url, proxy);
    await until(() => readFileSync(replica.auditFile, 'utf8').split('\n').length > before + 50);
    process.kill(replica.pid, 'SIGKILL');
    expect(await replica.exit).toBe('SIGKILL');
    await writing;
    linesOf(replica.auditFile);
    await verified(replica.auditFile);
  }
  const last = await startReplica(proxy, 'killed');
  await last.stop();
  const lines = linesOf(last.auditFile);
  const ids = (type: string): unknown[] =>
    lines.filter(line => line['type'] === type).map(line => line['sessionId']);
  expect(ids('session.started')).toHaveLength(3);
  expect(ids('session.ended').toSorted()).toEqual(ids('session.started').toSorted());
  expect(lines.filter(({ type }) => type === 'session.ended')).toMatchObject(
    Array.from({ length: 3 }, () => ({ outcome: 'interrupted' })),
  );
  await verified(last.auditFile);
});

/** Requests that nobody may make, each a line of the audit, until the proxy is gone. */
async function refusals(url: string, { caPem }: ProxyProcess): Promise<void> {
  const ask = (): Promise<boolean> =>
    new Promise(resolve => {
      const asked = request(`${url}/api/v1/pods`, { ca: caPem, headers: { authorization: 'Bearer wrong' } });
      asked.on('response', response => {
        response.resume();
        response.on('close', () => resolve(true));
      });
      asked.on('error', () => resolve(false));
      asked.end();
    });
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (await ask());
    }),
  );
}
