import { describe, expect, test } from 'vitest';
import { type RecordingWriter, StorageError, storageErrorOf } from '../../../src/recorder/storage.ts';
import { connectRecorder } from '../../../src/recording/connect.ts';
import type { RecorderError } from '../../../src/recording/upload.ts';
import { CAST, http1, http2, running, storageOf, V2Sender } from './harness.ts';

/** A disk with room for so many writes. */
function fillingUp(writes: number): RecordingWriter {
  let left = writes;
  return {
    id: '0'.repeat(32),
    write: async () => {
      if (left-- > 0) return;
      throw storageErrorOf(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }));
    },
    finish: async () => Promise.reject(new StorageError('io', 'not reached')),
    fail: async () => undefined,
  };
}

const NO_ROOM = 'the recorder has no room left';

describe('a disk that fills up while a recording is written', () => {
  test('is 507 over v1', async () => {
    const { recorder } = await running({ storage: storageOf(fillingUp(0)) });
    const answer = await http1(recorder, 'POST', '/record', CAST);
    expect(answer).toMatchObject({ status: 507, text: expect.stringContaining(NO_ROOM) });
  });

  test('is an error object over v2, after the acks of what was written', async () => {
    const { recorder } = await running({ storage: storageOf(fillingUp(1)) });
    const sender = new V2Sender(http2(recorder));
    sender.stream.on('error', () => {});
    sender.stream.write(CAST);
    await sender.acked(Buffer.byteLength(CAST));
    sender.stream.write('[2,"o","x"]\n');
    expect(await sender.ended).toBe('end');
    expect(sender.objects.at(-1)).toEqual({ error: expect.stringContaining(NO_ROOM), kind: 'disk' });
  });

  test('fails the proxy’s upload as a recorder failure', async () => {
    const { recorder } = await running({ storage: storageOf(fillingUp(1)) });
    const upload = await connectRecorder(`127.0.0.1:${recorder.port}`);
    const failed = new Promise<RecorderError>(resolve => upload.on('failed', resolve));
    const acked = new Promise<void>(resolve => upload.on('acked', resolve));
    upload.write(Buffer.from(CAST));
    await acked;
    upload.write(Buffer.from('[2,"o","x"]\n'));
    expect(await failed).toMatchObject({
      kind: 'disk',
      phase: 'store',
      message: expect.stringContaining(NO_ROOM),
    });
  });

  test('before the first byte, no recorder has accepted', async () => {
    const { recorder } = await running({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    const refused = connectRecorder(`127.0.0.1:${recorder.port}`);
    await expect(refused).rejects.toMatchObject({ kind: 'disk', message: expect.stringContaining('507') });
  });
});
