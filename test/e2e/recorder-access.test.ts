import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/log.ts';
import type { Access } from '../../src/recorder/access.ts';
import { FolderStorage } from '../../src/recorder/folder-storage.ts';
import { startRecorder } from '../../src/recorder/server.ts';
import { connectRecorder } from '../../src/recording/connect.ts';
import { sendEvent } from '../../src/recording/send-event.ts';
import { authority } from '../src/identity/clients.ts';
import { ExecClient } from '../support/exec-client.ts';
import { startProxyProcess, TOKENS } from '../support/process-group.ts';
import { until } from '../support/try-cluster.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Our own recorder behind TLS, in a tailnet of nobody's. */
async function guardedRecorder(access: Access) {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-guarded-'));
  const recorders = await authority('recorders');
  const people = await authority('proxies');
  const server = await recorders.issue({ CN: 'localhost', O: undefined }, { server: true });
  const storage = await FolderStorage.open(dir, { clock: systemClock, log: silentLogger });
  const recorder = await startRecorder({
    host: '127.0.0.1',
    port: 0,
    storage,
    clock: systemClock,
    log: silentLogger,
    access,
    tls: { ...server, ...(access.clientCertificates ? { clientCa: people.caPem } : {}) },
  });
  cleanups.push(() => recorder.close(0));
  return { dir, address: `localhost:${recorder.port}`, ca: recorders.caPem, people };
}

const HEADER = '{"version":2,"width":80,"height":24,"timestamp":1}\n';

describe('recorders outside of a tailnet', () => {
  test('TLS and a token: uploads and events are taken', async () => {
    const { dir, address, ca } = await guardedRecorder({ uploadTokens: ['sesame'] });
    const access = { tls: { ca }, token: 'sesame' };
    const upload = await connectRecorder(address, { access });
    expect(upload.protocol).toBe('v2');
    upload.write(Buffer.from(HEADER));
    await upload.end();
    expect(readdirSync(dir).filter(name => name.endsWith('.cast'))).toHaveLength(1);
    expect(await sendEvent(address, Buffer.from('{"a":1}\n'), undefined, access)).toEqual({ kind: 'stored' });
  });

  test('a client certificate of an uploader', async () => {
    const { address, ca, people } = await guardedRecorder({ clientCertificates: true });
    const own = await people.issue({ CN: 'proxy-1', O: 'kubewitness:uploaders' });
    const upload = await connectRecorder(address, { access: { tls: { ca, ...own } } });
    upload.write(Buffer.from(HEADER));
    await upload.end();
  });

  test('the wrong token, an authority that is not trusted, and no TLS at all are failures', async () => {
    const { address, ca } = await guardedRecorder({ uploadTokens: ['sesame'] });
    const attempts = [
      { access: { tls: { ca }, token: 'wrong' } },
      { access: { tls: {}, token: 'sesame' } },
      {},
    ];
    for (const options of attempts) {
      await expect(connectRecorder(address, options)).rejects.toMatchObject({
        name: 'RecorderError',
        phase: 'connect',
      });
    }
    const event = await sendEvent(address, Buffer.from('{}'), undefined, { tls: { ca }, token: 'wrong' });
    expect(event.kind).toBe('failed');
  });

  test('the proxy records through it', async () => {
    const { dir, address, ca } = await guardedRecorder({ uploadTokens: ['sesame'] });
    writeFileSync(join(dir, 'ca.pem'), ca);
    writeFileSync(join(dir, 'token'), 'sesame\n');
    const proxy = await startProxyProcess([address], {
      recording: { tls: { ca: join(dir, 'ca.pem'), tokenFile: join(dir, 'token') } },
    });
    cleanups.push(() => proxy.stop());
    const client = await ExecClient.open(proxy, TOKENS.closed, ['sh', '-c', 'echo guarded']);
    await client.finish();
    expect(client.stdout).toBe('guarded\n');
    await until(() =>
      readdirSync(dir)
        .filter(name => name.endsWith('.cast'))
        .some(name => readFileSync(join(dir, name), 'utf8').includes('guarded')),
    );
  });
});
