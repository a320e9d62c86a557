import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RecorderProcess, startProxyProcess } from '../support/process-group.ts';
import { until } from '../support/try-cluster.ts';

test('readiness names what a running proxy lacks, and liveness does not care', async () => {
  const recorder = await RecorderProcess.start(mkdtempSync(join(tmpdir(), 'kubewitness-probes-')));
  const proxy = await startProxyProcess([recorder.address]);
  onTestFinished(async () => {
    await recorder.kill();
    await proxy.stop();
  });
  const get = async (path: string) => {
    const response = await fetch(`${proxy.admin}${path}`);
    return { status: response.status, text: await response.text() };
  };

  const well = await get('/readyz?verbose');
  expect(well.status).toBe(200);
  expect(well.text.split('\n').map(line => line.replace(/ ok.*/, ' ok'))).toEqual([
    '[+]config ok',
    '[+]shutdown ok',
    '[+]audit ok',
    '[+]certificate ok',
    '[+]upstream ok',
    '[+]impersonation ok',
    '[+]recorder ok',
    'readyz check passed',
    '',
  ]);

  await recorder.kill();
  await until(async () => (await get('/readyz')).status === 503);
  const ill = await get('/readyz?verbose');
  expect(ill.text).toMatch(/^\[-\]recorder failed: grants\[1\]: .*refused/im);
  expect(ill.text.match(/^\[-\]/gm)).toHaveLength(1);
  expect((await get('/readyz?verbose&exclude=recorder')).status).toBe(200);
  expect((await get('/livez')).status).toBe(200);

  await proxy.sandbox.close();
  await until(async () => (await get('/readyz?verbose')).text.includes('[-]upstream failed: the API server'));
  expect((await get('/livez')).status).toBe(200);
});
