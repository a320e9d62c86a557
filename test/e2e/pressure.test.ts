import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { startV2 } from '../src/recording/fake-recorders.ts';
import { ExecClient } from '../support/exec-client.ts';
import { type ProxyProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { until } from '../support/try-cluster.ts';

const SESSIONS = 20;
const PIECE = 64 * 1024;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Resident memory of a process, MiB. */
function residentMiB(proxy: ProxyProcess): number {
  const status = readFileSync(`/proc/${proxy.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** Takes a piece of each recording now and then, and acknowledges it. */
async function slowRecorder(): Promise<string> {
  const recorder = await startV2({
    onUpload: stream => {
      let taken = 0;
      const take = (): void => {
        if (stream.destroyed) return;
        const bytes = stream.read(Math.min(PIECE, stream.readableLength)) as Buffer | null;
        taken += bytes?.length ?? 0;
        stream.write(`${JSON.stringify({ ack: taken })}\n`);
        setTimeout(take, 20);
      };
      take();
    },
  });
  return recorder.address;
}

describe.skipIf(!existsSync('/proc/self/status'))('twenty sessions that pour, and a slow recorder', () => {
  test('closed: output is held back, and memory stays within its bound', async () => {
    const proxy = await startProxyProcess([await slowRecorder()]);
    cleanups.push(() => proxy.stop());
    const before = residentMiB(proxy);
    const clients = await Promise.all(
      Array.from({ length: SESSIONS }, () => ExecClient.open(proxy, TOKENS.closed, ['yes'])),
    );
    let most = 0;
    await until(() => {
      most = Math.max(most, residentMiB(proxy));
      return clients.every(({ stdout, status }) => stdout.length > 1.5 * 1024 * 1024 || status !== '');
    }, 80_000);
    expect(clients.map(({ status }) => status)).toEqual(clients.map(() => ''));
    // 1 MiB unacknowledged each, as cast lines and as what the sockets hold of them, and the runtime's own slack.
    expect(most - before).toBeLessThan(SESSIONS * 8);
    for (const client of clients) client.close();
  });

  test('open: nobody waits, the recording is given up, and memory stays within its bound', async () => {
    const proxy = await startProxyProcess([await slowRecorder()], {
      recording: { staggerMs: 50 },
    });
    cleanups.push(() => proxy.stop());
    const before = residentMiB(proxy);
    const clients = await Promise.all(
      Array.from({ length: 4 }, () =>
        ExecClient.open(proxy, TOKENS.open, ['sh', '-c', 'yes | head -c 60000000']),
      ),
    );
    let most = 0;
    await until(() => {
      most = Math.max(most, residentMiB(proxy));
      return clients.every(({ status }) => status !== '');
    }, 80_000);
    expect(clients.map(({ stdout }) => stdout.length)).toEqual(clients.map(() => 60_000_000));
    expect(most - before).toBeLessThan(4 * 64 + 64);
  });
});
