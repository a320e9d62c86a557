import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { Exec, KubeConfig, type V1Status } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { parse } from 'yaml';
import { TryCluster } from '../support/try-cluster.ts';

let cluster: TryCluster;
beforeAll(async () => {
  cluster = await TryCluster.start();
});
afterAll(async () => {
  await cluster.stop();
});

/** What the written kubeconfig says of the user of a context. */
function credentials(): { readonly token: string; readonly ca: Buffer } {
  const file = parse(readFileSync(cluster.ready.kubeconfig, 'utf8'));
  const user = file.users.find((entry: { name: string }) => entry.name === 'bob');
  return {
    token: user.user.token,
    ca: Buffer.from(file.clusters[0].cluster['certificate-authority-data'], 'base64'),
  };
}

describe('clients other than kubectl', () => {
  test('@kubernetes/client-node', async () => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.ready.kubeconfig);
    config.setCurrentContext('closed');
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const output: Buffer[] = [];
    stdout.on('data', chunk => output.push(chunk));
    const status = await new Promise<V1Status>((resolve, reject) => {
      const command = ['sh', '-c', ': js-client; cat; exit 4'];
      const stdin = new PassThrough();
      stdin.end('from js\n');
      new Exec(config)
        .exec('default', 'shell', 'main', command, stdout, stderr, stdin, false, resolve)
        .catch(reject);
    });
    expect(Buffer.concat(output).toString()).toBe('from js\n');
    expect(status).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode' });
    const session = await cluster.ended('js-client');
    expect(session).toMatchObject({ outcome: 'recorded', exitCode: 4 });
    expect((await cluster.castOf(session.id)).text).toBe('from js\n');
  });

  test.each(['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io'])(
    'WebSocket %s',
    async subprotocol => {
      const { token, ca } = credentials();
      const marker = `: ws-${subprotocol}`;
      const query = ['sh', '-c', `${marker}; printf 'h€llo'`]
        .map(word => `command=${encodeURIComponent(word)}`)
        .join('&');
      const url = `${cluster.ready.proxy.replace('https:', 'wss:')}/api/v1/namespaces/default/pods/shell/exec?${query}&stdout=true&stderr=1`;
      const socket = new WebSocket(url, subprotocol, { ca, headers: { authorization: `Bearer ${token}` } });
      const output: Buffer[] = [];
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        const channel = isBinary ? data[0] : Number(data.toString('latin1', 0, 1));
        const payload = isBinary ? data.subarray(1) : Buffer.from(data.toString('latin1', 1), 'base64');
        if (channel === 1) output.push(payload);
      });
      await once(socket, 'close');
      expect(Buffer.concat(output).toString()).toBe('h€llo');
      const session = await cluster.ended(marker);
      expect(session).toMatchObject({ outcome: 'recorded', protocol: { subprotocol } });
      expect((await cluster.castOf(session.id)).text).toBe('h€llo');
    },
  );
});
