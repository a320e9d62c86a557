import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { FolderStorage } from '../../../src/recorder/folder-storage.ts';
import { placeHold, releaseHold } from '../../../src/recorder/hold.ts';
import { Retention, type RetentionPolicy } from '../../../src/recorder/retention.ts';
import type { RecordingStorage } from '../../../src/recorder/storage.ts';
import { CAST, HeardLog, newFolder } from './harness.ts';
import { NEW_YEAR_MS } from './manifests.ts';

const DAY_MS = 86_400_000;

class SetClock implements Clock {
  ms = NEW_YEAR_MS;
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
}

/** A folder with one recording a day, the oldest first. */
async function recorded(count: number) {
  const folder = await newFolder();
  const clock = new SetClock();
  const log = new HeardLog();
  const storage = await FolderStorage.open(folder, { clock, log });
  const ids: string[] = [];
  for (let day = 0; day < count; day++) {
    const writer = await storage.open({ from: '192.0.2.7', protocol: 'v2' });
    await writer.write(Buffer.from(CAST));
    await writer.finish();
    ids.push(writer.id);
    clock.ms += DAY_MS;
  }
  const sweep = async (policy: RetentionPolicy): Promise<number> => {
    const retention = new Retention({ storage, policy, clock, log });
    onTestFinished(() => retention.stop());
    return retention.sweep();
  };
  const left = async (): Promise<string[]> => {
    const { manifests } = await storage.search({ limit: 100 });
    return manifests.map(({ id }) => id).reverse();
  };
  return { folder, clock, log, storage, ids, sweep, left };
}

describe('retention', () => {
  test('by age: older ones go, files and all, and are written down', async () => {
    const { folder, log, ids, sweep, left } = await recorded(4);
    expect(await sweep({ keepMs: 2 * DAY_MS })).toBe(2);
    expect(await left()).toEqual(ids.slice(2));
    const files = await readdir(folder);
    expect(files.filter(name => ids.slice(0, 2).some(id => name.includes(id)))).toEqual([]);
    const lines = (await readFile(join(folder, 'retention.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { recordingId: ids[1], reason: 'age', bytes: CAST.length + 1, sha256: expect.any(String) },
      { recordingId: ids[0], reason: 'age', at: new Date(NEW_YEAR_MS + 4 * DAY_MS).toISOString() },
    ]);
    expect(log.lines).toMatchObject([{ level: 'info' }, { message: 'a recording was deleted by retention' }]);
  });

  test('by size: the oldest go until the rest fits', async () => {
    const { ids, sweep, left } = await recorded(4);
    const bytes = Buffer.byteLength(CAST);
    expect(await sweep({ keepBytes: 2 * bytes + 1 })).toBe(2);
    expect(await left()).toEqual(ids.slice(2));
  });

  test('both bounds at once, and none', async () => {
    const { ids, sweep, left } = await recorded(4);
    expect(await sweep({})).toBe(0);
    expect(await sweep({ keepMs: 3 * DAY_MS, keepBytes: Buffer.byteLength(CAST) })).toBe(3);
    expect(await left()).toEqual(ids.slice(3));
  });

  test('a recording on hold stays until it is released', async () => {
    const { folder, ids, sweep, left } = await recorded(3);
    const held = ids[0] ?? '';
    await placeHold(folder, held, { reason: 'case 7', since: '2026-01-01T00:00:00Z' });
    expect(await sweep({ keepMs: 1, keepBytes: 1 })).toBe(2);
    expect(await left()).toEqual([held]);
    expect(await releaseHold(folder, held)).toBe(true);
    expect(await releaseHold(folder, held)).toBe(false);
    expect(await sweep({ keepMs: 1 })).toBe(1);
    expect(await left()).toEqual([]);
  });

  test('one that is still being written is left alone', async () => {
    const { folder, clock, storage, sweep } = await recorded(0);
    const writer = await storage.open({ from: '192.0.2.7', protocol: 'v2' });
    await writer.write(Buffer.from(CAST));
    clock.ms += 100 * DAY_MS;
    expect(await sweep({ keepMs: 1, keepBytes: 1 })).toBe(0);
    await writer.finish();
    expect((await readdir(folder)).filter(name => name.endsWith('.cast'))).toHaveLength(1);
  });

  test('without its line nothing is deleted', async () => {
    const { storage, ids, clock, log, left } = await recorded(2);
    const broken: RecordingStorage = {
      open: origin => storage.open(origin),
      search: query => storage.search(query),
      get: id => storage.get(id),
      openCast: id => storage.openCast(id),
      appendEvent: line => storage.appendEvent(line),
      searchEvents: query => storage.searchEvents(query),
      hold: id => storage.hold(id),
      remove: id => storage.remove(id),
      appendRetention: async () => Promise.reject(new Error('no room')),
      close: () => storage.close(),
    };
    const retention = new Retention({ storage: broken, policy: { keepMs: 1 }, clock, log });
    onTestFinished(() => retention.stop());
    await expect(retention.sweep()).rejects.toThrow('no room');
    expect(await left()).toEqual(ids);
  });
});
