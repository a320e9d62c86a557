import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Access } from '../../../src/recorder/access.ts';
import { type Authority, authority, certificate } from './certificates.ts';
import {
  CAST,
  type HeardLog,
  http1,
  http2,
  onlyManifest,
  type Running,
  running,
  V2Sender,
} from './harness.ts';

const UPLOAD = 'upload-token-0123456789';
const READ = 'read-token-0123456789';
const BOTH: Access = { uploadTokens: ['older-upload-token', UPLOAD], readTokens: [READ] };

type Method = readonly [method: string, path: string, right: 'upload' | 'read' | 'none'];
const REQUESTS: readonly Method[] = [
  ['POST', '/record', 'upload'],
  ['POST', '/v2/event', 'upload'],
  ['HEAD', '/v2/event', 'upload'],
  ['GET', '/api/v1/recordings', 'read'],
  ['GET', `/api/v1/recordings/${'0'.repeat(32)}`, 'read'],
  ['GET', `/api/v1/recordings/${'0'.repeat(32)}/cast`, 'read'],
  ['GET', '/healthz', 'none'],
];

function bodyOf(method: string, path: string): string | undefined {
  if (method !== 'POST') return undefined;
  return path === '/record' ? CAST : path === '/v2/event' ? '{}' : undefined;
}

describe('access by bearer token', () => {
  const tables: readonly [string, string | undefined, Readonly<Record<string, number | undefined>>][] = [
    ['no credentials', undefined, { upload: 401, read: 401 }],
    ['the token for uploads', `Bearer ${UPLOAD}`, { read: 403 }],
    ['the older token for uploads', 'bearer older-upload-token', { read: 403 }],
    ['the token for reading', `Bearer ${READ}`, { upload: 403 }],
    ['an unknown token', 'Bearer something-else-entirely', { upload: 401, read: 401 }],
    ['an empty token', 'Bearer ', { upload: 401, read: 401 }],
    ['another scheme', `Basic ${UPLOAD}`, { upload: 401, read: 401 }],
    ['two tokens in one', `Bearer ${UPLOAD} ${READ}`, { upload: 401, read: 401 }],
  ];
  test.each(tables)('%s', async (_name, authorization, refusals) => {
    const { recorder } = await running({ access: BOTH });
    for (const [method, path, right] of REQUESTS) {
      const answer = await http1(recorder, method, path, bodyOf(method, path), authorization);
      const refused = refusals[right];
      if (refused === undefined) expect([200, 404], `${method} ${path}`).toContain(answer.status);
      else expect(answer.status, `${method} ${path}`).toBe(refused);
      if (refused === 401) expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  test.each([
    ['none', undefined, 401],
    ['for reading', READ, 403],
    ['for uploads', UPLOAD, 200],
  ])('v2 with a token %s', async (_name, token, status) => {
    const { recorder } = await running({ access: BOTH });
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const probe = http2(recorder).request({ ':method': 'HEAD', ':path': '/v2/record', ...headers });
    const probed = new Promise(resolve => probe.on('response', answer => resolve(answer[':status'])));
    expect(await probed).toBe(status);
    const sender = new V2Sender(http2(recorder), '/v2/record', headers);
    sender.stream.on('error', () => {});
    sender.stream.write(CAST);
    expect(await sender.status).toBe(status);
  });

  test('a right for which there is nothing configured is nobody’s', async () => {
    const { recorder } = await running({ access: { uploadTokens: [UPLOAD] } });
    const listed = (authorization?: string) =>
      http1(recorder, 'GET', '/api/v1/recordings', undefined, authorization);
    expect((await listed()).status).toBe(401);
    expect((await listed(`Bearer ${UPLOAD}`)).status).toBe(403);
    expect((await listed('Bearer ')).status).toBe(401);
  });

  test('a refused upload leaves nothing and opens nothing', async () => {
    const { recorder } = await running({ access: BOTH });
    await http1(recorder, 'POST', '/record', CAST);
    const list = await http1(recorder, 'GET', '/api/v1/recordings', undefined, `Bearer ${READ}`);
    expect(JSON.parse(list.text)).toEqual([]);
  });
});

interface Https {
  readonly ca: Authority;
  readonly recorder: Running['recorder'];
  readonly log: HeardLog;
}

async function overTls(access: Access = {}): Promise<Https> {
  const ca = await authority();
  const tls = { ...(await certificate(ca)), clientCa: ca.cert };
  const { recorder, log } = await running({ tls, access });
  return { ca, recorder, log };
}

function https(
  { ca, recorder: { port } }: Https,
  method: string,
  path: string,
  options: { readonly body?: string; readonly client?: { cert: string; key: string } } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const at = { host: '127.0.0.1', port, method, path, ca: ca.cert, agent: false, ...options.client };
    const sent = request(at, response => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(options.body);
  });
}

describe('over TLS', () => {
  test('both versions are served, as ALPN says', async () => {
    const served = await overTls();
    expect(await https(served, 'POST', '/record', { body: CAST })).toBe(200);
    const session = connectHttp2(`https://127.0.0.1:${served.recorder.port}`, { ca: served.ca.cert });
    onTestFinished(() => session.destroy());
    const sender = new V2Sender(session);
    expect(await sender.status).toBe(200);
    sender.stream.end(CAST);
    expect(await sender.ended).toBe('end');
    expect(await https(served, 'GET', '/api/v1/recordings?complete=true&limit=2')).toBe(200);
    await served.log.seen('recording stored', 2);
  });

  test('a client without TLS is turned away', async () => {
    const { recorder, log } = await overTls();
    await expect(http1(recorder, 'GET', '/healthz')).rejects.toThrow();
    await log.seen('a TLS handshake failed');
  });

  const rows: readonly [string, readonly string[], number, number][] = [
    ['of an uploader', ['kubewitness:uploaders'], 200, 403],
    ['of a reader', ['kubewitness:readers'], 403, 200],
    ['of both', ['kubewitness:readers', 'kubewitness:uploaders'], 200, 200],
    ['of nobody', ['kubewitness:others'], 401, 401],
    ['without an organization', [], 401, 401],
  ];
  test.each(rows)('a client certificate %s', async (_name, organizations, upload, read) => {
    const served = await overTls({ clientCertificates: true });
    const client = await certificate(served.ca, organizations);
    expect(await https(served, 'POST', '/record', { body: CAST, client })).toBe(upload);
    expect(await https(served, 'GET', '/api/v1/recordings', { client })).toBe(read);
    const session = connectHttp2(`https://127.0.0.1:${served.recorder.port}`, {
      ca: served.ca.cert,
      ...client,
    });
    onTestFinished(() => session.destroy());
    const sender = new V2Sender(session);
    sender.stream.on('error', () => {});
    expect(await sender.status).toBe(upload);
  });

  test('a certificate of another authority, and none, count for nothing', async () => {
    const served = await overTls({ clientCertificates: true });
    const client = await certificate(await authority(), ['kubewitness:uploaders']);
    expect(await https(served, 'POST', '/record', { body: CAST, client })).toBe(401);
    expect(await https(served, 'POST', '/record', { body: CAST })).toBe(401);
    expect(await https(served, 'GET', '/healthz')).toBe(200);
  });
});

test('without any of it everybody may do everything', async () => {
  const { recorder } = await running();
  expect((await http1(recorder, 'POST', '/record', CAST)).status).toBe(200);
  expect(await onlyManifest(recorder)).toMatchObject({ complete: true });
});
