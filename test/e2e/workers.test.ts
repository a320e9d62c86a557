import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ExecClient } from '../support/exec-client.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { runKubectl } from '../support/proxy-kubectl.ts';
import { kubewitness, until } from '../support/try-cluster.ts';
import { auditOf, workersOf } from '../support/workers.ts';

test('smoke', async () => {
  const recorder = await RecorderProcess.start(mkdtempSync(join(tmpdir(), 'kubewitness-workers-')));
  const proxy = await startProxyProcess([recorder.address], { workers: 2, log: { level: 'info' } });
  onTestFinished(async () => {
    await proxy.stop();
    console.log(proxy.output());
    await recorder.kill();
  });
  const { code, stdout, stderr } = await runKubectl(
    proxy,
    '1.36',
    ['--token', TOKENS.closed],
    ['exec', 'shell', '--', 'echo', 'hello'],
  );
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'hello\n', stderr: '' });
  const workers = await workersOf(proxy);
  expect(workers).toHaveLength(2);
  const sessions = await Promise.all(
    Array.from({ length: 4 }, () => ExecClient.open(proxy, TOKENS.closed, ['cat'])),
  );
  for (const [at, session] of sessions.entries()) {
    session.type(`line ${at}\n`);
    await session.seen(`line ${at}`);
  }
  process.kill(workers[0] ?? 0, 'SIGKILL');
  await until(() => auditOf(proxy, 'session.ended').length >= 3);
  await until(async () => (await workersOf(proxy)).length === 2);
  console.log(
    auditOf(proxy)
      .map(line => `${line['seq']} ${line['type']} ${line['outcome'] ?? ''}`)
      .join('\n'),
  );
  for (const session of sessions) session.close();
  await until(() => auditOf(proxy, 'session.ended').length >= 5);
  const verified = await kubewitness(['audit', 'verify', '--file', proxy.auditFile]);
  expect(verified.code, `${String(verified.stdout)}${verified.stderr}`).toBe(0);
});
