import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { FolderStorage } from '../../../src/recorder/folder-storage.ts';
import { startRecorder } from '../../../src/recorder/server.ts';
import { httpVersionOf } from '../../../src/recorder/sniff.ts';
import {
  CAST,
  HEADER_LINE,
  HeardLog,
  http1,
  http2,
  newFolder,
  onlyManifest,
  type Running,
  running,
  V2Sender,
} from './harness.ts';

async function upload(recorder: Running['recorder'], text = CAST): Promise<string> {
  const sender = new V2Sender(http2(recorder));
  sender.stream.end(text);
  await sender.ended;
  return String((await onlyManifest(recorder))['id']);
}

function closed(port: number, first: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.write(first);
  const chunks: Buffer[] = [];
  return new Promise(resolve => {
    socket.on('data', chunk => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

describe('HTTP version by first bytes (RFC 9113 section 3.4)', () => {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  test.each<[string, ReturnType<typeof httpVersionOf>]>([
    ['', undefined],
    ['P', undefined],
    [preface.slice(0, -1), undefined],
    [preface, 'http2'],
    [`${preface}\0\0\0`, 'http2'],
    ['POST /record', 'http1'],
    ['PRI * HTTP/1.1\r\n', 'http1'],
    ['PUT', 'http1'],
    ['\x16\x03\x01', 'http1'],
  ])('%j', (bytes, version) => {
    expect(httpVersionOf(Buffer.from(bytes, 'latin1'))).toBe(version);
  });
});

describe('recorder server', () => {
  test('a port in use is a clear error', async () => {
    const { recorder } = await running();
    const options = { storage: await newStorage(), clock: systemClock, log: new HeardLog() };
    await expect(startRecorder({ ...options, host: '127.0.0.1', port: recorder.port })).rejects.toThrow(
      `127.0.0.1:${recorder.port} is in use`,
    );
  });

  test.each([
    ['GET', '/healthz', 200],
    ['HEAD', '/healthz', 200],
    ['POST', '/healthz', 405],
    ['GET', '/', 404],
    ['GET', '/record', 405],
    ['GET', '/v2/record', 404],
    ['DELETE', '/v2/event', 405],
    ['PUT', '/api/v1/recordings', 405],
    ['GET', '/api/v1/recordings', 200],
    ['GET', '/api/v1/recordings?limit=0', 400],
    ['GET', '/api/v1/recordings?limit=x', 400],
    ['GET', '/api/v1/recordings/', 404],
    ['GET', '/api/v1/recordings/..', 404],
    ['GET', '/api/v1/recordings/..%2f..%2fetc', 404],
    ['GET', '/api/v1/recordings/../../etc/passwd/cast', 404],
    ['GET', `/api/v1/recordings/${'0'.repeat(32)}`, 404],
    ['GET', `/api/v1/recordings/${'0'.repeat(32)}/cast`, 404],
    ['GET', '//healthz', 404],
  ])('%s %s answers %i', async (method, path, status) => {
    const { recorder } = await running();
    const answer = await http1(recorder, method, path);
    expect(answer.status).toBe(status);
    if (status === 405) expect(answer.headers['allow']).toBeDefined();
    if (status >= 400 && method !== 'HEAD') expect(JSON.parse(answer.text)).toHaveProperty('error');
  });

  test('the cast is served whole lines only, over both versions', async () => {
    const { recorder } = await running();
    const id = await upload(recorder, `${CAST}[3,"o","torn`);
    const path = `/api/v1/recordings/${id}/cast`;
    const answer = await http1(recorder, 'GET', path);
    expect(answer).toMatchObject({ status: 200, text: CAST });
    expect(answer.headers['content-type']).toBe('application/x-asciicast');
    expect(await http1(recorder, 'HEAD', path)).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': String(Buffer.byteLength(CAST)) },
    });
    const stream = http2(recorder).request({ ':path': path });
    stream.setEncoding('utf8');
    let text = '';
    for await (const piece of stream) text += piece;
    expect(text).toBe(CAST);
  });

  test('one manifest is served by its id', async () => {
    const { recorder } = await running();
    const id = await upload(recorder);
    const answer = await http1(recorder, 'GET', `/api/v1/recordings/${id}`);
    expect(JSON.parse(answer.text)).toMatchObject(await onlyManifest(recorder));
  });

  test('a restart lists the recordings of before', async () => {
    const folder = await newFolder();
    const first = await running({ folder });
    const id = await upload(first.recorder);
    await first.recorder.close(0);
    const second = await running({ folder });
    expect(await onlyManifest(second.recorder)).toMatchObject({ id, complete: true });
  });

  test.each([
    ['nothing', ''],
    ['half a preface', 'PRI * HTTP'],
    ['half a header', 'GET / HTTP/1.1\r\nHost: '],
    ['a request and then nothing', 'GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n'],
  ])('a connection that says %s is closed after its bound', async (_name, first) => {
    const { recorder } = await running({ limits: { requestHeadMs: 20 } });
    await closed(recorder.port, first);
  });

  test('an upload lives longer than that bound, also behind a pipelined request', async () => {
    const { recorder } = await running({ limits: { requestHeadMs: 200 } });
    const post = `POST /record HTTP/1.1\r\nHost: r\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(CAST)}\r\n\r\n`;
    const socket = connect({ host: '127.0.0.1', port: recorder.port });
    const heard: Buffer[] = [];
    socket.on('data', chunk => heard.push(chunk));
    socket.write(`GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n${post}${HEADER_LINE}`);
    // Another connection with the same bound, opened later, has gone by now: so this one's has passed as well.
    await new Promise(resolve => socket.once('data', resolve));
    await closed(recorder.port, '');
    socket.write(CAST.slice(HEADER_LINE.length));
    await new Promise(resolve => socket.once('close', resolve));
    expect(
      Buffer.concat(heard)
        .toString('latin1')
        .match(/HTTP\/1\.1 200 OK/g),
    ).toHaveLength(2);
  });

  test('an HTTP/2 connection without a stream is closed, one with an upload is not', async () => {
    const { recorder } = await running({ limits: { pingMs: 200 } });
    const busy = new V2Sender(http2(recorder));
    busy.stream.write(HEADER_LINE);
    await busy.acked(HEADER_LINE.length);
    const idle = http2(recorder);
    await new Promise(resolve => idle.once('close', resolve));
    busy.stream.end();
    expect(await busy.ended).toBe('end');
  });

  test('an HTTP/2 peer that falls silent is given up, and its upload is kept', async () => {
    const { recorder, log } = await running({ limits: { pingMs: 50 } });
    const socket = connect({ host: '127.0.0.1', port: recorder.port });
    onTestFinished(() => {
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.resume();
    // Preface, empty SETTINGS, HEADERS of POST /v2/record (HPACK, static table and literals), then DATA; no PING answer.
    const path = Buffer.from('/v2/record');
    const block = Buffer.concat([Buffer.from('8386410172', 'hex'), Buffer.of(0x44, path.length), path]);
    const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
      const head = Buffer.alloc(9);
      head.writeUIntBE(payload.length, 0, 3);
      head[3] = type;
      head[4] = flags;
      head.writeUInt32BE(stream, 5);
      return Buffer.concat([head, payload]);
    };
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(4, 0, 0, Buffer.alloc(0)));
    socket.write(frame(1, 4, 1, block));
    socket.write(frame(0, 0, 1, Buffer.from(CAST)));
    await log.seen('recording stored, not complete');
    expect(await onlyManifest(recorder)).toMatchObject({ complete: false, bytes: Buffer.byteLength(CAST) });
  });

  test('close lets a live upload end', async () => {
    const { recorder, log } = await running();
    const sender = new V2Sender(http2(recorder));
    sender.stream.write(HEADER_LINE);
    await sender.acked(HEADER_LINE.length);
    const stopped = recorder.close(20_000);
    await expect(http1(recorder, 'GET', '/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    sender.stream.end(CAST.slice(HEADER_LINE.length));
    expect(await sender.ended).toBe('end');
    await stopped;
    expect(log.lines.map(({ message }) => message)).toContain('recording stored');
  });

  test('close cuts what does not end in time, tells it, and files it', async () => {
    const { recorder, folder, log } = await running();
    const v2 = new V2Sender(http2(recorder));
    v2.stream.on('error', () => {});
    v2.stream.write(CAST);
    await v2.acked(Buffer.byteLength(CAST));
    const head = 'POST /record HTTP/1.1\r\nHost: r\r\nExpect: 100-continue\r\nContent-Length: 999\r\n\r\n';
    const v1 = closed(recorder.port, head);
    await log.seen('upload accepted', 2);
    await Promise.all([recorder.close(50), recorder.close(50)]);
    expect(await v2.ended).toBe('end');
    expect(v2.objects.at(-1)).toEqual({ error: 'the recorder stopped', kind: 'shutdown' });
    expect(await v1).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 503 /);
    const again = await running({ folder });
    expect(await onlyManifest(again.recorder)).toMatchObject({
      complete: false,
      incompleteReason: 'the recorder stopped',
      bytes: Buffer.byteLength(CAST),
    });
  });
});

async function newStorage(): Promise<FolderStorage> {
  return FolderStorage.open(await newFolder(), { clock: systemClock, log: new HeardLog() });
}
