import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { newRecordingId, storedName } from '../../../src/recorder/recording-id.ts';
import { DEFAULT_INDEX_LIMITS } from '../../../src/recorder/recording-index.ts';
import { S3Storage, type S3StorageOptions } from '../../../src/recorder/s3-storage.ts';
import { DEFAULT_SHIPPER_LIMITS } from '../../../src/recorder/shipper.ts';
import { StorageError } from '../../../src/recorder/storage.ts';
import { CAST, HeardLog, http1, http2, newFolder, running, V2Sender } from './harness.ts';
import { Bucket } from './s3-bucket.ts';

const ORIGIN = { from: '192.0.2.7', protocol: 'v2' } as const;
const ARRIVED = 'recording is in the bucket';
const FAILED = 'a recording did not reach the bucket';

async function opened(bucket: Bucket, changes: Partial<S3StorageOptions> = {}) {
  const spool = changes.spool ?? (await newFolder());
  const log = new HeardLog();
  const storage = await S3Storage.open({
    client: bucket.client({ prefix: 'cluster-1/' }),
    spool,
    clock: systemClock,
    log,
    shipper: { ...DEFAULT_SHIPPER_LIMITS, firstRetryMs: 1, maxRetryMs: 5 },
    ...changes,
  });
  onTestFinished(() => storage.close());
  return { spool, log, storage };
}

async function record(storage: S3Storage, text = CAST): Promise<string> {
  const writer = await storage.open(ORIGIN);
  await writer.write(Buffer.from(text));
  await writer.finish();
  return writer.id;
}

describe('recordings in a bucket', () => {
  test('a recording is found all the time, first in the spool, then in the bucket', async () => {
    const bucket = await Bucket.start();
    const { spool, log, storage } = await opened(bucket);
    const id = await record(storage);
    expect((await storage.search({ limit: 9 })).manifests).toMatchObject([{ id, complete: true }]);
    await log.seen(ARRIVED);
    expect(await readdir(spool)).toEqual([]);
    expect(storage.waiting).toBe(0);
    expect((await storage.search({ limit: 9 })).manifests).toMatchObject([{ id, complete: true }]);
    expect(await storage.get(id)).toMatchObject({ id, blocks: [{ lines: 3 }] });
    const cast = await storage.openCast(id);
    if (cast === undefined) throw new Error('no cast');
    expect((await buffer(cast.body)).toString()).toBe(CAST);
    expect(bucket.count('PUT', `/recordings/cluster-1/${storedName(id, '.cast')}`)).toBe(1);
  });

  test('a torn one is served up to its last whole line', async () => {
    const { log, storage } = await opened(await Bucket.start());
    const id = await record(storage, `${CAST}[3,"o","${'x'.repeat(100_000)}`);
    await log.seen(ARRIVED);
    const cast = await storage.openCast(id);
    if (cast === undefined) throw new Error('no cast');
    expect(cast.bytes).toBe(Buffer.byteLength(CAST));
    expect((await buffer(cast.body)).toString()).toBe(CAST);
  });

  test('while the bucket is away recordings wait, and go once it is back', async () => {
    const bucket = await Bucket.start();
    const { spool, log, storage } = await opened(bucket);
    bucket.fate = () => 503;
    const ids = [await record(storage), await record(storage)];
    await log.seen(FAILED, 3);
    expect(storage.waiting).toBe(2);
    expect((await readdir(spool)).filter(name => name.endsWith('.cast'))).toHaveLength(2);
    expect(await storage.get(ids[0] ?? '')).toMatchObject({ complete: true });
    bucket.fate = () => 'pass';
    await log.seen(ARRIVED, 2);
    expect(await readdir(spool)).toEqual([]);
  });

  test('what a killed recorder left in its spool goes at the next start, flagged', async () => {
    const bucket = await Bucket.start();
    const spool = await newFolder();
    const id = newRecordingId(0);
    await writeFile(join(spool, storedName(id, '.cast.part')), `${CAST}[3,"o`);
    const { log, storage } = await opened(bucket, { spool });
    await log.seen(ARRIVED);
    expect(await storage.get(id)).toMatchObject({
      complete: false,
      incompleteReason: expect.stringContaining('interrupted'),
    });
    expect((await storage.search({ limit: 9 })).manifests.map(manifest => manifest.id)).toEqual([id]);
    expect(await readdir(spool)).toEqual([]);
  });

  test('a crash while the local copy went is no obstacle', async () => {
    const bucket = await Bucket.start();
    const first = await opened(bucket);
    const id = await record(first.storage);
    await first.log.seen(ARRIVED);
    const manifest = await bucket
      .client({ prefix: 'cluster-1/' })
      .text({ method: 'GET', key: storedName(id, '.json') });
    const spool = await newFolder();
    await writeFile(join(spool, storedName(id, '.json')), manifest);
    const { log } = await opened(bucket, { spool });
    await log.seen(ARRIVED);
    expect(await readdir(spool)).toEqual([]);
  });

  test('a new recorder finds what is in the bucket, page by page', async () => {
    const bucket = await Bucket.start();
    const { log, storage } = await opened(bucket);
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) ids.unshift(await record(storage));
    await log.seen(ARRIVED, 5);
    const index = { ...DEFAULT_INDEX_LIMITS, maxIndexed: 2, maxScanned: 2, readsAtOnce: 2 };
    const { storage: other } = await opened(bucket, { index });
    const found: string[] = [];
    for (let before: string | undefined; ; ) {
      const page = await other.search({ limit: 2, ...(before !== undefined && { before }) });
      found.push(...page.manifests.map(({ id }) => id));
      if (page.next === undefined) break;
      before = page.next;
    }
    expect(found).toEqual([...ids].sort().reverse());
  });

  test('deleted, a recording is gone; on hold, it says why', async () => {
    const bucket = await Bucket.start();
    const { log, storage } = await opened(bucket);
    const [gone, held] = [await record(storage), await record(storage)];
    await log.seen(ARRIVED, 2);
    const client = bucket.client({ prefix: 'cluster-1/' });
    const body = Buffer.from('{"reason":"case 7","since":"2026-01-01T00:00:00Z"}');
    await client.text({ method: 'PUT', key: storedName(held, '.hold'), body });
    expect(await storage.hold(held)).toMatchObject({ reason: 'case 7' });
    expect(await storage.hold(gone)).toBeUndefined();
    await storage.remove(gone);
    await storage.remove(gone);
    expect(await storage.get(gone)).toBeUndefined();
    expect(await storage.openCast(gone)).toBeUndefined();
    expect((await storage.search({ limit: 9 })).manifests.map(({ id }) => id)).toEqual([held]);
  });

  test('one that has not arrived is kept from retention', async () => {
    const bucket = await Bucket.start();
    const { storage } = await opened(bucket);
    bucket.fate = () => 503;
    expect(await storage.hold(await record(storage))).toMatchObject({ reason: 'not in the bucket yet' });
  });

  test('a full spool refuses new uploads with 507 and cuts those that outgrow it', async () => {
    const bucket = await Bucket.start();
    const { log, storage } = await opened(bucket, { maxSpoolBytes: 1000 });
    bucket.fate = () => 503;
    const { recorder } = await running({ storage });
    const sender = new V2Sender(http2(recorder));
    sender.stream.write(CAST);
    await sender.acked(Buffer.byteLength(CAST));
    expect(await http1(recorder, 'POST', '/record', `${CAST}[2,"o","${'x'.repeat(700)}"]\n`)).toMatchObject({
      status: 200,
    });
    expect(await http1(recorder, 'POST', '/record', CAST)).toMatchObject({ status: 507 });
    sender.stream.write(`[2,"o","${'y'.repeat(600)}"]\n`);
    await sender.object(value => JSON.stringify(value).includes('"error":"the recorder has no room left'));
    bucket.fate = () => 'pass';
    await log.seen(ARRIVED, 2);
    expect(await http1(recorder, 'POST', '/record', CAST)).toMatchObject({ status: 200 });
  });

  test('events stay in the spool folder', async () => {
    const { spool, storage } = await opened(await Bucket.start());
    await storage.appendEvent('{"a":1}');
    expect(await readFile(join(spool, 'events.jsonl'), 'utf8')).toBe('{"a":1}\n');
  });
});

describe('the bucket is looked at before anything is taken', () => {
  test.each<[string, number | undefined, string]>([
    ['does not exist', undefined, 'there is no such bucket'],
    ['is another’s', 403, 'the credentials do not open it'],
    ['is in another region', 301, 'it is not in region us-east-1'],
  ])('one that %s is a clear error', async (_name, fate, reason) => {
    const bucket = await Bucket.start();
    if (fate !== undefined) bucket.fate = () => fate;
    const client = bucket.client(fate === undefined ? { bucket: 'nothing-here' } : {});
    const error = await opened(bucket, { client }).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(`at ${bucket.endpoint} cannot be used: ${reason}`);
  });

  test.each([503, 'reset'] as const)(
    'one that is away (%s) is logged, and recordings are taken',
    async fate => {
      const bucket = await Bucket.start();
      bucket.fate = () => fate;
      const { log, storage } = await opened(bucket);
      await log.seen('the bucket does not answer: recordings wait in the spool');
      await record(storage);
      await log.seen(FAILED);
      bucket.fate = () => 'pass';
      await log.seen(ARRIVED);
    },
  );

  test('a search that cannot reach the bucket is a storage error', async () => {
    const silent = createServer(socket => socket.destroy());
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      silent.close();
    });
    // A listening TCP server has an address of this form.
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const bucket = await Bucket.start();
    const { storage } = await opened(bucket, { client: bucket.client({ endpoint }) });
    await expect(storage.search({ limit: 1 })).rejects.toBeInstanceOf(StorageError);
    await expect(storage.get('0'.repeat(32))).rejects.toBeInstanceOf(StorageError);
  });
});
