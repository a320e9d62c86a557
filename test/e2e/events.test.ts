import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExecClient } from '../support/exec-client.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { until } from '../support/try-cluster.ts';

interface StoredEvent {
  readonly request: { readonly method: string; readonly path: string; readonly body: string };
  readonly kubernetes: { readonly Verb: string; readonly Resource: string; readonly Subresource: string };
  readonly kubewitness: { readonly auditId: string; readonly body: string };
}

let recorder: RecorderProcess;
let proxy: ProxyProcess;
beforeAll(async () => {
  recorder = await RecorderProcess.start(
    join(mkdtempSync(join(tmpdir(), 'kubewitness-events-')), 'recorder'),
  );
  proxy = await startProxyProcess([recorder.address], {
    grants: [
      { subjects: [{ user: 'ann' }], recorderAddrs: [recorder.address], enableEvents: true },
      {
        subjects: [{ user: 'bob' }],
        recorderAddrs: [recorder.address],
        enableEvents: true,
        enforceRecorder: true,
      },
    ],
  });
  writeFileSync(join(proxy.dir, 'ca.pem'), proxy.caPem);
});
afterAll(async () => {
  await proxy.stop();
  await recorder.kill();
});

async function ask(method: string, path: string, token: string, body?: string) {
  const { request } = await import('node:https');
  const { hostname, port } = new URL(proxy.url);
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request(
      {
        host: hostname,
        port,
        method,
        path,
        ca: proxy.caPem,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        },
      },
      response => {
        let text = '';
        response.on('data', chunk => {
          text += String(chunk);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

function events(): StoredEvent[] {
  return readFileSync(join(recorder.dir, 'events.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as StoredEvent);
}

const configMap = (name: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { key: 'value' } });

describe('requests are told to the recorder', () => {
  test('with what was sent, and arrive upstream all the same', async () => {
    const made = await ask('POST', '/api/v1/namespaces/default/configmaps', TOKENS.open, configMap('told'));
    expect(made.status).toBe(201);
    const read = await ask('GET', '/api/v1/namespaces/default/configmaps/told', TOKENS.closed);
    expect(JSON.parse(read.text).data).toEqual({ key: 'value' });
    const [create, get] = events().slice(-2);
    expect(create).toMatchObject({
      request: { method: 'POST', body: Buffer.from(configMap('told')).toString('base64') },
      kubernetes: { Verb: 'create', Resource: 'configmaps' },
      kubewitness: { body: 'whole' },
    });
    expect(get).toMatchObject({ kubernetes: { Verb: 'get', Resource: 'configmaps' } });
  });

  test('secrets stay out of it', async () => {
    await ask(
      'POST',
      '/api/v1/namespaces/default/secrets',
      TOKENS.open,
      '{"data":{"password":"aHVudGVyMg=="}}',
    );
    const last = events().at(-1);
    expect(last).toMatchObject({ kubernetes: { Resource: 'secrets' }, kubewitness: { body: 'redacted' } });
    expect(JSON.stringify(last)).not.toContain('aHVudGVyMg');
  });

  test('an exec is told under the id of its recording', async () => {
    const client = await ExecClient.open(proxy, TOKENS.closed, ['sh', '-c', 'cat']);
    await client.finish();
    const event = events().findLast(({ kubernetes }) => kubernetes.Subresource === 'exec');
    await until(async () => {
      const answer = await fetch(`http://${recorder.address}/api/v1/recordings`);
      const items = (await answer.json()) as readonly { readonly sessionId?: string }[];
      return items.some(({ sessionId }) => sessionId === event?.kubewitness.auditId);
    });
  });

  test('without a recorder: open goes on, enforced is refused and nothing reaches upstream', async () => {
    await recorder.kill();
    expect((await ask('GET', '/api/v1/namespaces/default/pods', TOKENS.open)).status).toBe(200);
    const refused = await ask(
      'POST',
      '/api/v1/namespaces/default/configmaps',
      TOKENS.closed,
      configMap('never'),
    );
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.text)).toMatchObject({ kind: 'Status', reason: 'Forbidden' });
    expect((await ask('GET', '/api/v1/namespaces/default/configmaps/never', TOKENS.open)).status).toBe(404);
  });
});
