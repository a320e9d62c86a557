import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { FolderStorage } from '../../../src/recorder/folder-storage.ts';
import { newRecordingId, storedName } from '../../../src/recorder/recording-id.ts';
import { StorageError, storageErrorOf } from '../../../src/recorder/storage.ts';
import { CAST, HeardLog, newFolder } from './harness.ts';

const ORIGIN = { from: '192.0.2.7', protocol: 'v2' } as const;
const NEW_YEAR_MS = Date.UTC(2026, 0, 1);

class SetClock implements Clock {
  ms = NEW_YEAR_MS;
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
}

async function opened(folder?: string) {
  const at = folder ?? (await newFolder());
  const clock = new SetClock();
  const log = new HeardLog();
  return { folder: at, clock, log, storage: await FolderStorage.open(at, { clock, log }) };
}

async function listed(storage: FolderStorage, limit = 10): Promise<string[]> {
  return (await storage.search({ limit })).manifests.map(({ id }) => id);
}

describe('folder storage', () => {
  test('the folder is made, with its parents', async () => {
    const folder = join(await newFolder(), 'a', 'b');
    await opened(folder);
    expect(await readdir(folder)).toEqual([]);
  });

  test('a recording has a temporary name until it is finished', async () => {
    const { folder, clock, storage } = await opened();
    const writer = await storage.open(ORIGIN);
    await writer.write(Buffer.from(CAST));
    expect(await readdir(folder)).toEqual([`20260101T000000Z-${writer.id}.cast.part`]);
    expect(await listed(storage)).toEqual([]);
    clock.ms += 2500;
    const manifest = await writer.finish();
    expect(manifest).toMatchObject({
      receivedAt: '2026-01-01T00:00:00.000Z',
      endedAt: '2026-01-01T00:00:02.500Z',
      file: `20260101T000000Z-${writer.id}.cast`,
    });
    expect(await storage.get(writer.id)).toEqual(manifest);
    expect(JSON.parse(await readFile(join(folder, `20260101T000000Z-${writer.id}.json`), 'utf8'))).toEqual(
      manifest,
    );
  });

  test('writes keep their order when nobody waits for them', async () => {
    const { folder, storage } = await opened();
    const writer = await storage.open(ORIGIN);
    const pieces = Array.from({ length: 200 }, (_, index) => Buffer.from(`${index},`));
    await Promise.all(pieces.map(piece => writer.write(piece)));
    const { file } = await writer.finish();
    expect(await readFile(join(folder, file))).toEqual(Buffer.concat(pieces));
  });

  test('a doubt at the end makes a whole cast incomplete', async () => {
    const { storage } = await opened();
    const writer = await storage.open(ORIGIN);
    await writer.write(Buffer.from(CAST));
    expect(await writer.finish(() => 'reset')).toMatchObject({ complete: false, incompleteReason: 'reset' });
  });

  test('a recording cut before its first byte leaves nothing', async () => {
    const { folder, storage } = await opened();
    expect(await (await storage.open(ORIGIN)).fail('reset')).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });

  test('the newest come first, also from before a restart, and no more than asked for', async () => {
    const { folder, clock, storage } = await opened();
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      clock.ms += 1;
      const writer = await storage.open(ORIGIN);
      await writer.write(Buffer.from(CAST));
      await writer.finish();
      ids.unshift(writer.id);
    }
    const again = (await opened(folder)).storage;
    expect(await listed(again)).toEqual(ids);
    expect(await listed(again, 2)).toEqual(ids.slice(0, 2));
  });

  test.each([
    ['a torn file', `${CAST}[3,"o"`, 2, 'cut; the last line is torn (6 bytes without a newline)'],
    ['a file that ends with a whole line', CAST, 2, 'cut'],
    ['an empty file', '', 0, 'cut; no whole header line'],
  ])('%s left by a crash is kept whole and flagged', async (_name, text, events, reason) => {
    const folder = await newFolder();
    const id = newRecordingId(NEW_YEAR_MS);
    await writeFile(join(folder, storedName(id, '.cast.part')), text);
    const { storage, log } = await opened(folder);
    const expected = reason.replace('cut', 'interrupted: the recorder ended before the upload did');
    const manifest = await storage.get(id);
    expect(manifest).toMatchObject({
      complete: false,
      incompleteReason: expected,
      events,
      bytes: Buffer.byteLength(text),
      receivedAt: '2026-01-01T00:00:00.000Z',
    });
    expect(manifest).not.toHaveProperty('from');
    expect((await readdir(folder)).sort()).toEqual([storedName(id, '.cast'), storedName(id, '.json')]);
    expect(await readFile(join(folder, storedName(id, '.cast')), 'utf8')).toBe(text);
    expect(log.lines).toMatchObject([{ level: 'warn', message: 'recovered an interrupted recording' }]);
  });

  test('a crash between the cast and its manifest is not called complete', async () => {
    const folder = await newFolder();
    const id = newRecordingId(NEW_YEAR_MS);
    await writeFile(join(folder, storedName(id, '.cast')), CAST);
    await writeFile(join(folder, storedName(id, '.json.part')), '{"apiVer');
    const { storage } = await opened(folder);
    expect(await storage.get(id)).toMatchObject({
      complete: false,
      incompleteReason: 'interrupted: the recorder ended before it wrote the manifest',
    });
    expect((await readdir(folder)).sort()).toEqual([storedName(id, '.cast'), storedName(id, '.json')]);
  });

  test('files of others are left alone', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'notes.cast.part'), 'x');
    await mkdir(join(folder, 'lost+found'));
    const { storage } = await opened(folder);
    expect(await listed(storage)).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['lost+found', 'notes.cast.part']);
  });

  test('a manifest that cannot be read is logged and left out', async () => {
    const folder = await newFolder();
    const id = newRecordingId(NEW_YEAR_MS);
    await writeFile(join(folder, storedName(id, '.json')), '{"apiVersion":"other"}');
    const { storage, log } = await opened(folder);
    expect(await listed(storage)).toEqual([]);
    expect(log.lines).toMatchObject([{ level: 'warn', message: 'a manifest cannot be read' }]);
  });

  const long = `${CAST}[2,"o","${'x'.repeat(200_000)}`;
  test.each([
    ['whole', CAST, CAST],
    ['torn', `${CAST}[3,"o"`, CAST],
    ['torn in a line longer than a block', long, CAST],
    ['without a newline', '{"version":2', ''],
    ['empty', '', ''],
  ])('a %s cast is served up to its last whole line', async (_name, text, served) => {
    const folder = await newFolder();
    const id = newRecordingId(NEW_YEAR_MS);
    await writeFile(join(folder, storedName(id, '.cast.part')), text);
    const { storage } = await opened(folder);
    const cast = await storage.openCast(id);
    if (cast === undefined) throw new Error('no cast');
    expect((await buffer(cast.body)).toString('utf8')).toBe(served);
    expect(cast.bytes).toBe(Buffer.byteLength(served));
  });

  test.each(['../../etc/passwd', '', newRecordingId(NEW_YEAR_MS)])('%j is no recording', async id => {
    const { storage } = await opened();
    expect(await storage.get(id)).toBeUndefined();
    expect(await storage.openCast(id)).toBeUndefined();
  });

  test.each([
    ['ENOSPC', 'full'],
    ['EDQUOT', 'full'],
    ['EIO', 'io'],
  ])('%s is of kind %s', (code, kind) => {
    expect(storageErrorOf(Object.assign(new Error(code), { code })).kind).toBe(kind);
  });

  test('a folder that vanished is a storage error', async () => {
    const { folder, clock, log } = await opened();
    const storage = await FolderStorage.open(join(folder, 'gone'), { clock, log });
    await rm(join(folder, 'gone'), { recursive: true });
    await expect(storage.open(ORIGIN)).rejects.toBeInstanceOf(StorageError);
    await expect(storage.appendEvent('{}')).rejects.toBeInstanceOf(StorageError);
  });
});
