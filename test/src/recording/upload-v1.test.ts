import type { RequestListener } from 'node:http';
import { describe, expect, test } from 'vitest';
import { connectRecorder } from '../../../src/recording/connect.ts';
import type { RecorderLimits } from '../../../src/recording/recorder-limits.ts';
import type { RecorderError, Upload } from '../../../src/recording/upload.ts';
import type { Seen, V1Behaviour } from './fake-recorders.ts';
import { startTcp, startV1 } from './fake-recorders.ts';

const PATIENT: Partial<RecorderLimits> = { finalAnswerMs: 20_000 };

async function uploadTo(behaviour: V1Behaviour, limits = PATIENT): Promise<{ upload: Upload; seen: Seen }> {
  const { address, seen } = await startV1(behaviour);
  const upload = await connectRecorder(address, { limits });
  expect(upload.protocol).toBe('v1');
  return { upload, seen };
}

function failureOf(upload: Upload): Promise<RecorderError> {
  return new Promise(resolve => upload.on('failed', resolve));
}

describe('an upload over HTTP/1.1', () => {
  test('counts what the socket has not taken', async () => {
    const { upload, seen } = await uploadTo({});
    const taken = new Promise<void>(resolve => upload.on('acked', resolve));
    upload.write(Buffer.from('line\n'));
    expect(upload.unackedBytes).toBe(5);
    await taken;
    expect(upload.unackedBytes).toBe(0);
    await upload.end();
    expect(seen).toMatchObject({ ended: true, cut: false });
    expect(seen.body.toString()).toBe('line\n');
    await seen.hasNoSockets();
  });

  test('1 MiB arrives as it was sent', async () => {
    const { upload, seen } = await uploadTo({});
    const sent = Buffer.alloc(1024 * 1024, 'The quick brown fox\n');
    for (let at = 0; at < sent.length; at += 4096) upload.write(sent.subarray(at, at + 4096));
    await upload.end();
    expect(seen.body.equals(sent)).toBe(true);
    expect(upload.unackedBytes).toBe(0);
  });

  test('what a recorder that stops reading leaves behind stays unacknowledged B064', async () => {
    const { upload, seen } = await uploadTo({ onUpload: request => request.pause() });
    const size = 32 * 1024 * 1024;
    expect(upload.write(Buffer.alloc(size))).toBe(false);
    upload.write(Buffer.alloc(size));
    expect(upload.unackedBytes).toBeGreaterThan(size);
    upload.abort();
    await seen.hasNoSockets();
  });
});

interface Failing {
  readonly name: string;
  readonly onUpload: NonNullable<V1Behaviour['onUpload']>;
  readonly kind: string;
  readonly says: RegExp;
}

/** Does something when the first bytes of the body are there. */
function onFirstBytes(act: RequestListener): NonNullable<V1Behaviour['onUpload']> {
  return (request, response) => {
    request.once('data', () => act(request, response));
  };
}

const IN_MID_STREAM: readonly Failing[] = [
  {
    name: 'answers 200 early',
    onUpload: onFirstBytes((_request, response) => response.writeHead(200).end()),
    kind: 'protocol',
    says: /answered 200 before/,
  },
  {
    name: 'answers 507 early B071',
    onUpload: onFirstBytes((_request, response) => response.writeHead(507).end('full')),
    kind: 'disk',
    says: /answered 507/,
  },
  {
    name: 'closes the connection',
    onUpload: onFirstBytes(request => request.socket.end()),
    kind: 'reset',
    says: /hang up/,
  },
  {
    name: 'resets the connection',
    onUpload: onFirstBytes(request => request.socket.resetAndDestroy()),
    kind: 'reset',
    says: /./,
  },
  {
    name: 'resets right behind 100 Continue',
    onUpload: request => request.socket.destroySoon(),
    kind: 'reset',
    says: /./,
  },
  {
    name: 'answers with garbage',
    onUpload: onFirstBytes(request => request.socket.write('SSH-2.0-x\r\n')),
    kind: 'protocol',
    says: /Parse Error/,
  },
];

describe('a recorder that fails in mid-session', () => {
  test.each(IN_MID_STREAM)('$name', async ({ onUpload, kind, says }) => {
    const { upload, seen } = await uploadTo({ onUpload });
    const failures: RecorderError[] = [];
    upload.on('failed', failure => failures.push(failure));
    const failed = failureOf(upload);
    upload.write(Buffer.from('four'));
    const failure = await failed;
    expect(failure).toMatchObject({ kind, phase: 'stream', message: expect.stringMatching(says) });
    expect(upload.write(Buffer.from('more'))).toBe(true);
    await expect(upload.end()).rejects.toBe(failure);
    upload.abort();
    await seen.hasNoSockets();
    expect(failures).toEqual([failure]);
  });
});

describe('a recorder that fails after the body B065', () => {
  test.each<[string, NonNullable<V1Behaviour['onBodyEnd']>, string, RegExp]>([
    ['answers 500', response => response.writeHead(500).end(), 'refused', /answered 500, not 200/],
    ['answers 202', response => response.writeHead(202).end(), 'refused', /answered 202, not 200/],
    ['resets', response => response.socket?.resetAndDestroy(), 'reset', /./],
    ['closes', response => response.socket?.destroy(), 'reset', /./],
    ['never answers', () => undefined, 'timeout', /no final answer within 100 ms/],
  ])('%s', async (_name, onBodyEnd, kind, says) => {
    const { upload, seen } = await uploadTo({ onBodyEnd }, { finalAnswerMs: 100 });
    const failures: RecorderError[] = [];
    upload.on('failed', failure => failures.push(failure));
    upload.write(Buffer.from('four'));
    await expect(upload.end()).rejects.toMatchObject({
      kind,
      phase: 'finalise',
      message: expect.stringMatching(says),
    });
    await seen.hasNoSockets();
    expect(seen.body.toString()).toBe('four');
    expect(failures).toEqual([]);
  });
});

describe('an upload that is aborted', () => {
  test('is cut, not ended', async () => {
    const { upload, seen } = await uploadTo({});
    upload.write(Buffer.from('part'));
    await seen.hasBytes(4);
    upload.abort();
    upload.abort();
    await seen.isOver();
    expect(seen).toMatchObject({ ended: false, cut: true });
    await expect(upload.end()).rejects.toMatchObject({ kind: 'reset' });
  });

  test('sends no last chunk', async () => {
    let bytes = '';
    const { address, seen } = await startTcp(socket => {
      socket.on('data', (chunk: Buffer) => {
        if (chunk.toString('latin1').startsWith('PRI * HTTP/2.0')) socket.destroy();
        else {
          bytes += chunk.toString('latin1');
          if (bytes.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        }
        seen.take(chunk);
      });
    });
    const upload = await connectRecorder(address);
    upload.write(Buffer.from('part'));
    while (!bytes.includes('part')) await seen.hasBytes(seen.bytes + 1);
    upload.abort();
    await seen.hasNoSockets();
    expect(bytes).toMatch(/\r\n\r\n4\r\npart\r\n$/);
  });
});
