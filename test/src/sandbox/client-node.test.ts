import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { CoreV1Api, Exec, KubeConfig, type V1Status } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, kubeconfigOf, startCluster } from './cluster.ts';

let cluster: Cluster;
let config: KubeConfig;
beforeAll(async () => {
  cluster = await startCluster();
  config = new KubeConfig();
  config.loadFromString(JSON.stringify(kubeconfigOf(cluster)));
});
afterAll(() => cluster.close());

test('the JavaScript client lists the pods', async () => {
  const { items } = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace: 'default' });
  expect(items.map(pod => [pod.metadata?.name, pod.status?.phase])).toEqual([
    ['shell', 'Running'],
    ['ticker', 'Running'],
    ['two', 'Running'],
  ]);
});

test('the JavaScript client runs a command', async () => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const stdin = new PassThrough();
  const status = new Promise<V1Status>((resolve, reject) => {
    new Exec(config)
      .exec(
        'default',
        'two',
        'side',
        ['sh', '-c', 'read x; echo got $x; echo err >&2; exit 3'],
        stdout,
        stderr,
        stdin,
        false,
        resolve,
      )
      .catch(reject);
  });
  stdin.write('words\n');
  expect(await status).toMatchObject({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  });
  stdout.end();
  stderr.end();
  expect(await text(stdout)).toBe('got words\n');
  expect(await text(stderr)).toBe('err\n');
});
