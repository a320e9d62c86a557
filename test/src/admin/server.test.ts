import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AdminServer } from '../../../src/admin/server.ts';
import type { RecordingsReader } from '../../../src/live/recordings-reader.ts';
import { ended, type FakeSessions } from '../live/sessions.ts';
import { ask, startAdmin } from './admin.ts';

const opened: string[] = [];
const recordings: RecordingsReader = {
  list: async ({ sessionId }) =>
    ['r1', 'r2']
      .filter(id => sessionId === undefined || id === sessionId)
      .map(id => ({ id, receivedAt: '2026-03-01T10:00:00Z', bytes: 3, durationSeconds: 1, complete: true })),
  open: async id => {
    opened.push(id);
    if (id === 'broken') throw new Error('disk');
    return id === 'r1' ? { bytes: 4, body: Readable.from(['cast']) } : undefined;
  },
};

let admin: AdminServer;
let sessions: FakeSessions;

beforeEach(async () => {
  ({ admin, sessions } = await startAdmin({ recordings }));
});

afterEach(() => admin.close());

describe('admin port', () => {
  test('serves the page and its files, each with its type', async () => {
    const page = await ask(admin.port, '/');
    expect([page.status, page.headers['content-type'], page.headers['cache-control']]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    const script = await ask(admin.port, '/assets/index-abc.js');
    expect([script.headers['content-type'], script.headers['cache-control']]).toEqual([
      'text/javascript; charset=utf-8',
      'public, max-age=31536000, immutable',
    ]);
  });

  test('answers 304 to who has the page already', async () => {
    const { headers } = await ask(admin.port, '/');
    const etag = String(headers['etag']);
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*'])
      expect([tags, (await ask(admin.port, '/', { 'if-none-match': tags })).status]).toEqual([tags, 304]);
    expect((await ask(admin.port, '/', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  test.each([
    '/',
    '/api/v1/sessions',
    '/livez',
    '/no-such',
    '/api/v1/recordings',
    '/api/v1/recordings/r1/cast',
  ])('says on %s that nothing foreign may run, frame or sniff it', async path => {
    const { headers } = await ask(admin.port, path);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|http|\*|data:/);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test.each([
    '/notes.txt',
    '/../package.json',
    '/assets/../index.html',
    '/assets/%2e%2e/index.html',
    '/index.html',
  ])('serves nothing under %s', async path => {
    expect((await ask(admin.port, path)).status).toBe(404);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('takes no %s', async method => {
    expect((await ask(admin.port, '/api/v1/sessions', {}, method)).status).toBe(405);
  });

  test.each([
    ['127.0.0.1:1', 200],
    ['localhost', 200],
    ['page.localhost:80', 200],
    ['[::1]:9090', 200],
    ['evil.example', 421],
    ['127.0.0.1.evil.example:9090', 421],
  ])('a loopback listener asked as host %j answers %i', async (host, status) => {
    expect((await ask(admin.port, '/api/v1/sessions', { host })).status).toBe(status);
  });

  test('lists sessions, and shows one', async () => {
    const id = '0b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11';
    sessions.change(ended(id));
    expect(JSON.parse((await ask(admin.port, '/api/v1/sessions')).body)).toEqual({ items: [ended(id)] });
    expect(JSON.parse((await ask(admin.port, `/api/v1/sessions/${id}`)).body)).toEqual(ended(id));
    expect((await ask(admin.port, `/api/v1/sessions/${id.replace('0b', '0c')}`)).status).toBe(404);
  });

  test('lists recordings, of all sessions or of one', async () => {
    const ids = async (path: string): Promise<string[]> => {
      const { items } = JSON.parse((await ask(admin.port, path)).body) as { items: { id: string }[] };
      return items.map(({ id }) => id);
    };
    expect(await ids('/api/v1/recordings')).toEqual(['r1', 'r2']);
    expect(await ids('/api/v1/recordings?session=r2')).toEqual(['r2']);
  });

  test('sends a cast as a file, never as a page', async () => {
    const cast = await ask(admin.port, '/api/v1/recordings/r1/cast');
    expect([cast.status, cast.body]).toEqual([200, 'cast']);
    expect(cast.headers['content-type']).toBe('application/x-asciicast');
    expect(cast.headers['content-disposition']).toBe('attachment; filename="r1.cast"');
    const head = await ask(admin.port, '/api/v1/recordings/r1/cast', {}, 'HEAD');
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '4', '']);
  });

  test.each([
    ['gone', 404],
    ['broken', 502],
    ['..%2f..%2fetc', 404],
    ['a"b', 404],
  ])('the cast %s is answered with %i', async (id, status) => {
    expect((await ask(admin.port, `/api/v1/recordings/${id}/cast`)).status).toBe(status);
  });
});

test('an id that could be a path or end a header never reaches the reader', async () => {
  const port = await startAdmin({ recordings });
  opened.length = 0;
  for (const id of ['..%2f..%2fetc', 'a"b', '.hidden', 'x'.repeat(300)])
    expect((await ask(port.admin.port, `/api/v1/recordings/${id}/cast`)).status).toBe(404);
  await port.admin.close();
  expect(opened).toEqual([]);
});

describe('admin port elsewhere', () => {
  test('without a built page it says what there is', async () => {
    const bare = await startAdmin({ page: '/nowhere/at/all' });
    const { body } = await ask(bare.admin.port, '/');
    await bare.admin.close();
    expect(JSON.parse(body)).toMatchObject({ sessions: '/api/v1/sessions' });
  });

  test('probes come under any name, the page and the API under an address only, and nobody is local', async () => {
    const wide = await startAdmin({ address: '0.0.0.0', recordings });
    const status = async (path: string, host: string): Promise<number> =>
      (await ask(wide.admin.port, path, { host })).status;
    const statuses = [
      await status('/readyz', 'witness.monitoring.svc'),
      await status('/', 'witness.monitoring.svc'),
      await status('/', '10.0.0.1:9090'),
      await status('/api/v1/sessions', '10.0.0.1:9090'),
      await status('/api/v1/recordings/r1/cast', '10.0.0.1:9090'),
    ];
    await wide.admin.close();
    expect(statuses).toEqual([200, 421, 200, 401, 401]);
  });
});
