import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RecordingWriter, StorageError } from '../../../src/recorder/storage.ts';
import { connectRecorder } from '../../../src/recording/connect.ts';
import {
  ackOf,
  CAST,
  HEADER_LINE,
  http1,
  http2,
  onlyManifest,
  running,
  storageOf,
  V2Sender,
} from './harness.ts';

describe('recorder protocol v2', () => {
  test('HEAD answers 200 over HTTP/2 with prior knowledge', async () => {
    const { recorder } = await running();
    const stream = http2(recorder).request({ ':method': 'HEAD', ':path': '/v2/record' });
    const status = await new Promise(resolve =>
      stream.on('response', headers => resolve(headers[':status'])),
    );
    expect(status).toBe(200);
  });

  test('answers before the body, acknowledges what it wrote, and files the cast', async () => {
    const { recorder, folder } = await running();
    const sender = new V2Sender(http2(recorder));
    expect(await sender.status).toBe(200);
    const bytes = Buffer.from(CAST);
    sender.stream.write(bytes.subarray(0, 70));
    await sender.acked(70);
    sender.stream.end(bytes.subarray(70));
    expect(await sender.ended).toBe('end');
    expect(sender.objects.at(-1)).toEqual({ ack: bytes.length });

    const manifest = await onlyManifest(recorder);
    expect(manifest).toMatchObject({
      apiVersion: 'kubewitness.dev/v1',
      from: '127.0.0.1',
      protocol: 'v2',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      events: 2,
      durationSeconds: 1.25,
      complete: true,
    });
    expect(manifest).not.toHaveProperty('incompleteReason');
    const file = String(manifest['file']);
    expect(file).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{32}\.cast$/);
    expect(await readFile(join(folder, file))).toEqual(bytes);
    expect((await readdir(folder)).sort()).toEqual([file, file.replace(/cast$/, 'json')]);
  });

  test('an idle upload hears a heartbeat', async () => {
    const { recorder } = await running({ limits: { heartbeatMs: 20, ackEveryMs: 1 } });
    const sender = new V2Sender(http2(recorder));
    await sender.acked(0);
    sender.stream.write(HEADER_LINE);
    await sender.acked(HEADER_LINE.length);
    const before = sender.objects.length;
    await sender.object(value => sender.objects.indexOf(value) >= before + 2);
    expect(sender.objects.slice(before).map(ackOf)).toEqual(
      sender.objects.slice(before).map(() => HEADER_LINE.length),
    );
  });

  test('acks grow, and the last one counts every byte of a large body', async () => {
    const { recorder } = await running({ limits: { ackEveryMs: 1 } });
    const sender = new V2Sender(http2(recorder));
    const line = `[1,"o","${'x'.repeat(16_000)}"]\n`;
    sender.stream.write(HEADER_LINE);
    for (let count = 0; count < 500; count++) {
      if (!sender.stream.write(line)) await new Promise(resolve => sender.stream.once('drain', resolve));
    }
    sender.stream.end();
    expect(await sender.ended).toBe('end');
    const acks = sender.objects.map(value => ackOf(value) ?? Number.NaN);
    expect(acks).toEqual([...acks].sort((a, b) => a - b));
    expect(acks.at(-1)).toBe(HEADER_LINE.length + 500 * line.length);
    expect(await onlyManifest(recorder)).toMatchObject({ events: 500, complete: true });
  });

  // Node's client ends the body before it resets with `close`, and does not with `destroy`.
  test.each([
    ['without an end', 0, (stream: ClientHttp2Stream) => stream.destroy()],
    ['right after the end', 8, (stream: ClientHttp2Stream) => stream.close(8)],
  ])('an upload that its sender resets %s is kept and flagged', async (_name, code, reset) => {
    const { recorder, folder, log } = await running();
    const sender = new V2Sender(http2(recorder));
    sender.stream.on('error', () => {});
    sender.stream.write(CAST);
    await sender.acked(Buffer.byteLength(CAST));
    reset(sender.stream);
    await log.seen('recording stored, not complete');
    const manifest = await onlyManifest(recorder);
    expect(manifest).toMatchObject({ complete: false, events: 2 });
    expect(manifest['incompleteReason']).toBe(`the sender reset the upload (HTTP/2 error code ${code})`);
    expect(await readFile(join(folder, String(manifest['file'])), 'utf8')).toBe(CAST);
  });

  test('an upload whose connection is lost is kept and flagged', async () => {
    const { recorder, log } = await running();
    const socket = connect({ host: '127.0.0.1', port: recorder.port });
    const sender = new V2Sender(http2(recorder, socket));
    sender.stream.on('error', () => {});
    sender.stream.write(`${CAST}[3,"o`);
    await sender.acked(Buffer.byteLength(CAST) + 5);
    socket.destroy();
    await log.seen('recording stored, not complete');
    expect(await onlyManifest(recorder)).toMatchObject({
      complete: false,
      incompleteReason:
        'the connection was lost before the end of the body; the last line is torn (5 bytes without a newline)',
    });
  });

  test('an upload reset before its first byte leaves nothing behind', async () => {
    const { recorder, folder, log } = await running();
    const sender = new V2Sender(http2(recorder));
    sender.stream.on('error', () => {});
    await sender.status;
    sender.stream.destroy();
    await log.seen('an upload ended before its first byte');
    expect(await readdir(folder)).toEqual([]);
  });

  test('two uploads on one connection do not mix', async () => {
    const { recorder, folder } = await running();
    const session = http2(recorder);
    const senders = [new V2Sender(session), new V2Sender(session)];
    for (const [index, sender] of senders.entries()) {
      sender.stream.write(`${JSON.stringify({ version: 2, width: index, height: 1 })}\n`);
    }
    for (let round = 0; round < 20; round++) {
      for (const [index, sender] of senders.entries()) sender.stream.write(`[${round},"o","${index}"]\n`);
    }
    for (const sender of senders) sender.stream.end();
    for (const sender of senders) expect(await sender.ended).toBe('end');
    const casts = (await readdir(folder)).filter(name => name.endsWith('.cast'));
    const texts = await Promise.all(casts.map(name => readFile(join(folder, name), 'utf8')));
    const expected = senders.map((_, index) =>
      [
        JSON.stringify({ version: 2, width: index, height: 1 }),
        ...Array.from({ length: 20 }, (_each, round) => `[${round},"o","${index}"]`),
        '',
      ].join('\n'),
    );
    expect(texts.sort()).toEqual(expected.sort());
  });

  test('text that is no cast is stored as it came and flagged with its line', async () => {
    const { recorder, folder } = await running();
    const sender = new V2Sender(http2(recorder));
    const text = `${HEADER_LINE}[1,"o","x"]\nnonsense\n`;
    sender.stream.end(text);
    expect(await sender.ended).toBe('end');
    const manifest = await onlyManifest(recorder);
    expect(manifest).toMatchObject({
      complete: false,
      incompleteReason: 'line 3: not a [time, code, text] event',
    });
    expect(await readFile(join(folder, String(manifest['file'])), 'utf8')).toBe(text);
  });

  test('what a header says reaches the manifest and never a path', async () => {
    const { recorder, folder } = await running();
    const evil = '../../../../tmp/evil\u0000/x';
    const header = {
      version: 2,
      width: 1,
      height: 1,
      id: evil,
      file: evil,
      command: evil,
      kubernetes: { PodName: evil },
      kubewitness: { sessionId: evil, id: evil },
    };
    const sender = new V2Sender(http2(recorder), '/v2/record?id=../x&file=../y');
    sender.stream.end(`${JSON.stringify(header)}\n`);
    expect(await sender.ended).toBe('end');
    const manifest = await onlyManifest(recorder);
    expect(manifest).toMatchObject({ complete: true, sessionId: evil, header: { command: evil } });
    for (const name of await readdir(folder))
      expect(name).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{32}\.(cast|json)$/);
  });

  test('a recording beyond the limit is cut, kept, and told so in the last object', async () => {
    const { recorder } = await running({ limits: { maxRecordingBytes: 100 } });
    const sender = new V2Sender(http2(recorder));
    sender.stream.on('error', () => {});
    sender.stream.write(HEADER_LINE);
    await sender.acked(HEADER_LINE.length);
    sender.stream.write(`[1,"o","${'x'.repeat(100)}"]\n`);
    expect(await sender.ended).toBe('end');
    expect(sender.objects.at(-1)).toEqual({ error: 'the recording is larger than 100 bytes', kind: 'size' });
    expect(await onlyManifest(recorder)).toMatchObject({ complete: false, bytes: 100, events: 0 });
  });

  test('a disk that fills up in mid-upload is an error object (B071)', async () => {
    const full = () => Promise.reject(new StorageError('full', 'ENOSPC'));
    const writer: RecordingWriter = { id: '0'.repeat(32), write: full, finish: full, fail: full };
    const { recorder } = await running({ storage: storageOf(writer) });
    const sender = new V2Sender(http2(recorder));
    sender.stream.on('error', () => {});
    expect(await sender.status).toBe(200);
    sender.stream.write(CAST);
    expect(await sender.ended).toBe('end');
    expect(sender.objects).toEqual([{ error: 'the recorder has no room left: ENOSPC', kind: 'disk' }]);
  });

  test('no more is read than the disk takes', async () => {
    const chunkBytes: number[] = [];
    let release: () => void = () => {};
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    let entered: () => void = () => {};
    const writing = new Promise<void>(resolve => {
      entered = resolve;
    });
    const writer: RecordingWriter = {
      id: '0'.repeat(32),
      write: chunk => {
        chunkBytes.push(chunk.length);
        entered();
        return released;
      },
      finish: () => Promise.reject(new StorageError('io', 'not kept')),
      fail: async () => undefined,
    };
    const { recorder } = await running({ storage: storageOf(writer) });
    const session = http2(recorder);
    const sender = new V2Sender(session);
    sender.stream.write('x');
    await writing;
    sender.stream.end(Buffer.alloc(8 << 20));
    // Frames are handled in order: after the pongs all that flow control lets through has arrived.
    for (let count = 0; count < 20; count++) {
      await new Promise(resolve => session.ping(resolve));
    }
    expect(chunkBytes).toEqual([1]);
    release();
    expect(await sender.ended).toBe('end');
    expect(chunkBytes.reduce((sum, bytes) => sum + bytes)).toBe((8 << 20) + 1);
    expect(Math.max(...chunkBytes)).toBeLessThanOrEqual(512 * 1024);
    expect(sender.objects.at(-1)).toEqual({ error: 'the recorder cannot store the recording', kind: 'disk' });
  });

  test.each([
    ['a full disk', { minFreeBytes: Number.MAX_SAFE_INTEGER }, 507],
    ['too many uploads', { limits: { maxConcurrentUploads: 0 } }, 503],
  ])('%s refuses before the body (B071)', async (_name, options, status) => {
    const { recorder, folder } = await running(options);
    const sender = new V2Sender(http2(recorder));
    sender.stream.on('error', () => {});
    expect(await sender.status).toBe(status);
    expect(await sender.ended).toBe('end');
    expect(sender.objects).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test('HTTP/1.1 is told that v2 is not there, so that clients fall back', async () => {
    const { recorder } = await running();
    expect(await http1(recorder, 'HEAD', '/v2/record')).toMatchObject({ status: 404 });
  });

  test('what comes after a recording was cut does not keep its stream open', async () => {
    let failed = (): void => {};
    const failing = new Promise<void>(resolve => {
      failed = resolve;
    });
    const writer: RecordingWriter = {
      id: '0'.repeat(32),
      write: async () => {},
      finish: async () => Promise.reject(new StorageError('io', 'not reached')),
      fail: async () => {
        failed();
        // Turns of the loop in which the late line comes in.
        for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve));
        return undefined;
      },
    };
    const { recorder, log } = await running({ storage: storageOf(writer) });
    const upload = await connectRecorder(`127.0.0.1:${recorder.port}`);
    upload.on('failed', () => {});
    const closed = recorder.close(0);
    await failing;
    upload.write(Buffer.from(CAST));
    await closed;
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
