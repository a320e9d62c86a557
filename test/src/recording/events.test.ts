import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { readTarget } from '../../../src/kube/target.ts';
import type { ApiRequest } from '../../../src/recording/api-event.ts';
import { eventDocument } from '../../../src/recording/api-event.ts';
import { deliverEvent } from '../../../src/recording/deliver-event.ts';
import { sendEvent } from '../../../src/recording/send-event.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function recorder(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A recorder as the protocol has it: HEAD and POST /v2/event answer 200. */
async function healthy(bodies: string[]): Promise<string> {
  return recorder((request, response) => {
    let body = '';
    request.on('data', chunk => {
      body += String(chunk);
    });
    request.on('end', () => {
      if (request.method === 'POST') bodies.push(`${request.headers['content-type']} ${body}`);
      response.writeHead(request.url === '/v2/event' ? 200 : 404).end();
    });
  });
}

const status = (code: number): Promise<string> =>
  recorder((_request, response) => {
    response.writeHead(code).end();
  });

function request(method: string, target: string, body = ''): ApiRequest {
  const { path, query, info } = readTarget(method, target);
  return {
    timestampSeconds: 1_767_225_600.9,
    userAgent: 'kubectl',
    method,
    path,
    query,
    info,
    source: { node: 'laptop', nodeID: 'n1', nodeUser: 'ann' },
    auditId: 'a1',
    body: { bytes: Buffer.from(body), whole: true },
  };
}

const parse = (document: Buffer): Record<string, Record<string, unknown>> => JSON.parse(document.toString());

describe('the event document', () => {
  test('has the fields of the reference', () => {
    const document = parse(
      eventDocument(
        request('POST', '/api/v1/namespaces/d/configmaps?dryRun=All&a=1&a=2+3', '{"kind":"ConfigMap"}'),
      ),
    );
    expect(document).toMatchObject({
      type: 'kubernetes-api-request',
      timestamp: 1_767_225_600,
      userAgent: 'kubectl',
      request: {
        method: 'POST',
        path: '/api/v1/namespaces/d/configmaps?dryRun=All&a=1&a=2+3',
        body: Buffer.from('{"kind":"ConfigMap"}').toString('base64'),
        queryParameters: { dryRun: ['All'], a: ['1', '2 3'] },
      },
      kubernetes: {
        IsResourceRequest: true,
        Verb: 'create',
        Namespace: 'd',
        Resource: 'configmaps',
        APIVersion: 'v1',
      },
      source: { node: 'laptop', nodeID: 'n1', nodeUser: 'ann' },
      kubewitness: { auditId: 'a1', body: 'whole' },
    });
  });

  test.each([
    ['POST', '/api/v1/namespaces/d/secrets'],
    ['PATCH', '/api/v1/namespaces/d/secrets/s'],
    ['POST', '/api/v1/namespaces/d/serviceaccounts/sa/token'],
    ['POST', '/apis/authentication.k8s.io/v1/tokenreviews'],
    ['POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests'],
  ])('%s %s: the body never leaves', (method, target) => {
    const document = eventDocument(request(method, target, 'hunter2'));
    expect(document.toString()).not.toContain(Buffer.from('hunter2').toString('base64'));
    expect(parse(document)).toMatchObject({ request: { body: '' }, kubewitness: { body: 'redacted' } });
  });

  test('is one line, whatever the request holds', () => {
    const document = eventDocument(request('POST', '/api/v1/pods?a=%0A', 'a\nb')).toString();
    expect(document.indexOf('\n')).toBe(document.length - 1);
  });
});

describe('sending an event', () => {
  test('to a recorder that takes it', async () => {
    const bodies: string[] = [];
    expect(await sendEvent(await healthy(bodies), Buffer.from('{"a":1}\n'))).toEqual({ kind: 'stored' });
    expect(bodies).toEqual(['application/json {"a":1}\n']);
  });

  test('an older recorder does not know events', async () => {
    expect(await sendEvent(await status(404), Buffer.from('{}'))).toEqual({ kind: 'unsupported' });
  });

  test.each([500, 503, 301])('%s is a failure', async code => {
    expect(await sendEvent(await status(code), Buffer.from('{}'))).toMatchObject({ kind: 'failed' });
  });

  test('nobody there, and one that never answers', async () => {
    expect(await sendEvent('127.0.0.1:1', Buffer.from('{}'))).toMatchObject({ kind: 'failed' });
    const silent = await recorder(() => {});
    const result = await sendEvent(silent, Buffer.from('{}'), { probeMs: 30, postMs: 30 });
    expect(result).toMatchObject({
      kind: 'failed',
      error: { message: expect.stringContaining('within 30 ms') },
    });
  });

  test('the first recorder to store it ends the walk', async () => {
    const [first, second]: string[][] = [[], []];
    const recorders = [
      await status(500),
      await status(404),
      await healthy(first ?? []),
      await healthy(second ?? []),
    ];
    expect(await deliverEvent(recorders, Buffer.from('{}'))).toEqual({
      kind: 'stored',
      recorder: recorders[2],
    });
    expect(second).toEqual([]);
  });

  test('unsupported only when all are such', async () => {
    const [old, broken] = [await status(404), await status(500)];
    expect(await deliverEvent([old, old], Buffer.from('{}'))).toEqual({ kind: 'unsupported' });
    expect(await deliverEvent([old, broken], Buffer.from('{}'))).toMatchObject({
      kind: 'failed',
      errors: [{}],
    });
    expect(await deliverEvent([], Buffer.from('{}'))).toEqual({ kind: 'unsupported' });
  });
});
