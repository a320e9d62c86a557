import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ExecClient } from '../support/exec-client.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { until } from '../support/try-cluster.ts';

interface Told {
  readonly type: string;
  readonly name?: string;
  readonly definition?: string;
  readonly snapshot?: { readonly status: string; readonly value?: unknown };
}

describe('--inspect', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-inspect-'));
  let recorder: RecorderProcess;
  let proxy: ProxyProcess;
  let url: string;

  beforeAll(async () => {
    recorder = await RecorderProcess.start(join(dir, 'recordings'));
    proxy = await startProxyProcess([recorder.address], {}, { flags: ['--inspect', '0'] });
    await until(() => proxy.output().includes('can be inspected'));
    url = /ws:\/\/127\.0\.0\.1:\d+/.exec(proxy.output())?.[0] ?? '';
  });
  afterAll(async () => {
    await proxy?.stop();
    await recorder?.kill();
  });

  async function inspector(): Promise<{ told: Told[]; text: () => string; close: () => void }> {
    const socket = new WebSocket(url);
    const texts: string[] = [];
    const told: Told[] = [];
    socket.on('message', data => {
      texts.push(String(data));
      // What is missing in it fails the test that looks for it.
      told.push(JSON.parse(String(data)) as Told);
    });
    await once(socket, 'open');
    return { told, text: () => texts.join('\n'), close: () => socket.terminate() };
  }

  test('tells every actor, event and state, and nothing of what was said or of whom', async () => {
    const { told, text, close } = await inspector();
    const client = await ExecClient.open(proxy, TOKENS.closed, ['sh', '-c', 'echo hush-hush; cat']);
    await client.seen('hush-hush');
    // Somebody who comes late is told where the session is.
    const late = await inspector();
    await until(() => JSON.stringify(late.told.map(({ snapshot }) => snapshot?.value)).includes('streaming'));
    await client.finish();
    await until(() => told.some(({ snapshot }) => snapshot?.value === 'closed'));
    expect(new Set(told.map(({ type }) => type))).toEqual(
      new Set(['@xstate.actor', '@xstate.event', '@xstate.snapshot']),
    );
    const session = told.find(
      ({ type, definition }) => type === '@xstate.actor' && definition?.includes('"deciding"'),
    );
    expect(Object.keys(JSON.parse(session?.definition ?? '{}').states)).toContain('failingClosed');
    for (const secret of ['hush-hush', 'bob', TOKENS.closed, 'shell', recorder.address])
      expect([secret, text().includes(secret)]).toEqual([secret, false]);
    close();
    late.close();
  });

  test.each([{ origin: 'https://evil.example' }, { origin: 'null' }, { host: 'evil.example' }])(
    'refuses %j',
    async headers => {
      const socket = new WebSocket(url, { headers });
      const [error] = await once(socket, 'error');
      expect(String(error)).toContain('403');
    },
  );
});
