import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CAST, HEADER_LINE, http1, http2, onlyManifest, running } from './harness.ts';

/** A chunked POST that waits for 100 Continue, as the reference's older client sends it. */
function expecting({ port }: { port: number }, path = '/record'): ClientRequest {
  const headers = { expect: '100-continue', 'transfer-encoding': 'chunked' };
  const sent = request({ host: '127.0.0.1', port, method: 'POST', path, agent: false, headers });
  sent.flushHeaders();
  onTestFinished(() => {
    sent.destroy();
  });
  return sent;
}

/** What comes first: the interim answer or the final one. */
function firstAnswer(sent: ClientRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    sent.on('continue', () => resolve(100));
    sent.on('response', response => resolve(response.statusCode ?? 0));
    sent.on('error', reject);
  });
}

function finalStatus(sent: ClientRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    sent.on('response', response => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
  });
}

/** A connection that sends bytes as they are and gives back everything until it is closed. */
function raw({ port }: { port: number }): { socket: Socket; heard: Promise<string> } {
  const socket = connect({ host: '127.0.0.1', port });
  onTestFinished(() => {
    socket.destroy();
  });
  const chunks: Buffer[] = [];
  const heard = new Promise<string>(resolve => {
    socket.on('data', chunk => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
  return { socket, heard };
}

describe('recorder protocol v1', () => {
  test('says 100 before the body and 200 once the recording is stored', async () => {
    const { recorder, folder } = await running();
    const sent = expecting(recorder);
    expect(await firstAnswer(sent)).toBe(100);
    const status = finalStatus(sent);
    sent.write(HEADER_LINE);
    sent.end(CAST.slice(HEADER_LINE.length));
    expect(await status).toBe(200);
    const manifest = await onlyManifest(recorder);
    expect(manifest).toMatchObject({
      protocol: 'v1',
      from: '127.0.0.1',
      sha256: createHash('sha256').update(CAST).digest('hex'),
      complete: true,
      events: 2,
    });
    expect(await readFile(join(folder, String(manifest['file'])), 'utf8')).toBe(CAST);
  });

  test('a client that does not wait is taken as well', async () => {
    const { recorder } = await running();
    expect(await http1(recorder, 'POST', '/record', CAST)).toMatchObject({ status: 200 });
    expect(await onlyManifest(recorder)).toMatchObject({ complete: true });
  });

  test('first bytes that come one at a time are read all the same', async () => {
    const { recorder } = await running();
    const { socket, heard } = raw(recorder);
    socket.setNoDelay(true);
    const head = `POST /record HTTP/1.1\r\nHost: r\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(CAST)}\r\n\r\n`;
    for (const byte of Buffer.from(head)) {
      await new Promise<void>(resolve => socket.write(Buffer.of(byte), () => setImmediate(resolve)));
    }
    socket.write(CAST);
    expect(await heard).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await onlyManifest(recorder)).toMatchObject({ complete: true });
  });

  test('a body that is cut is kept and flagged', async () => {
    const { recorder, folder, log } = await running();
    const { socket } = raw(recorder);
    socket.write('POST /record HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.end(`${Buffer.byteLength(CAST).toString(16)}\r\n${CAST}\r\n`);
    await log.seen('recording stored, not complete');
    const manifest = await onlyManifest(recorder);
    expect(manifest).toMatchObject({
      complete: false,
      incompleteReason: 'the connection was lost before the end of the body',
    });
    expect(await readFile(join(folder, String(manifest['file'])), 'utf8')).toBe(CAST);
  });

  test.each([
    ['a full disk', { minFreeBytes: Number.MAX_SAFE_INTEGER }, 507],
    ['too many uploads', { limits: { maxConcurrentUploads: 0 } }, 503],
  ])('%s answers at once and never says 100 (B071)', async (_name, options, status) => {
    const { recorder, folder } = await running(options);
    expect(await firstAnswer(expecting(recorder))).toBe(status);
    expect(await readdir(folder)).toEqual([]);
  });

  test('a recording beyond the limit is answered 507 while it is still being sent', async () => {
    const { recorder, log } = await running({ limits: { maxRecordingBytes: 100 } });
    const sent = expecting(recorder);
    expect(await firstAnswer(sent)).toBe(100);
    const status = finalStatus(sent);
    sent.write(HEADER_LINE);
    sent.write('x'.repeat(200_000));
    expect(await status).toBe(507);
    await log.seen('recording stored, not complete');
    const manifest = await onlyManifest(recorder);
    expect(manifest['incompleteReason']).toMatch(/^the recording is larger than 100 bytes/);
  });

  test('a sender that reads its answer only after a long body still finds the refusal', async () => {
    const { recorder } = await running({ limits: { maxRecordingBytes: 100, lingerMs: 20_000 } });
    const { socket, heard } = raw(recorder);
    socket.pause();
    const megabytes = 8;
    socket.write(`POST /record HTTP/1.1\r\nHost: r\r\nContent-Length: ${megabytes << 20}\r\n\r\n`);
    for (let count = 0; count < megabytes; count++) {
      await new Promise(resolve => socket.write(Buffer.alloc(1 << 20, 'x'), resolve));
    }
    socket.resume();
    expect(await heard).toMatch(/^HTTP\/1\.1 507 /);
  });

  test('an expectation other than 100-continue is refused', async () => {
    const { recorder } = await running();
    const { socket, heard } = raw(recorder);
    socket.write(
      'POST /record HTTP/1.1\r\nHost: r\r\nExpect: 200-ok\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    );
    expect(await heard).toMatch(/^HTTP\/1\.1 417 /);
  });

  test('HTTP/2 is told that v1 is not there', async () => {
    const { recorder } = await running();
    const stream = http2(recorder).request({ ':method': 'POST', ':path': '/record' });
    const status = await new Promise(resolve =>
      stream.on('response', headers => resolve(headers[':status'])),
    );
    expect(status).toBe(404);
  });
});
