import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startCluster } from './cluster.ts';

/** Pids of processes that were started with this text in their environment, read without the sandbox's own reader. */
async function processesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter(name => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    if (environment.includes(text)) found.push(pid);
  }
  return found;
}

test('nothing that was started is left after close, whatever it did to get away', async () => {
  const cluster = await startCluster();
  const script =
    'trap "" HUP TERM; (setsid sleep 600 &) ; sleep 600 & echo ready; while :; do sleep 600; done';
  for (const tty of ['', '&tty=1']) {
    const path = `/api/v1/namespaces/default/pods/ticker/exec?stdin=1&stdout=1${tty}&command=sh&command=-c&command=${encodeURIComponent(script)}`;
    const socket = new WebSocket(cluster.url + path, ['v5.channel.k8s.io'], {
      ca: cluster.caPem,
      headers: { Authorization: `Bearer ${cluster.token}` },
    });
    let heard = '';
    socket.on('error', () => undefined);
    while (!heard.includes('ready')) heard += String((await once(socket, 'message'))[0]);
  }
  // Main processes, the two commands and what they started.
  expect((await processesWith(cluster.folder)).length).toBeGreaterThanOrEqual(8);
  await cluster.close();
  expect(await processesWith(cluster.folder)).toEqual([]);
});

test('the command of a client that leaves is ended', async () => {
  const cluster = await startCluster();
  const path =
    '/api/v1/namespaces/default/pods/ticker/exec?stdout=1&command=sh&command=-c&command=echo+$$;exec+sleep+601';
  const socket = new WebSocket(cluster.url + path.replace(';', '%3B'), ['v4.channel.k8s.io'], {
    ca: cluster.caPem,
    headers: { Authorization: `Bearer ${cluster.token}` },
  });
  let heard = '';
  while (!heard.includes('\n')) heard += String((await once(socket, 'message'))[0]).slice(1);
  const pid = heard.trim();
  const environment = () => readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  expect(await environment()).toContain(cluster.folder);
  socket.terminate();
  while ((await environment()) !== '') await new Promise(setImmediate);
  await cluster.close();
});
