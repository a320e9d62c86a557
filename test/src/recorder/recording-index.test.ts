import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../../src/recorder/manifest.ts';
import {
  DEFAULT_INDEX_LIMITS,
  type ManifestSource,
  RecordingIndex,
} from '../../../src/recorder/recording-index.ts';
import type { RecordingQuery } from '../../../src/recorder/recording-query.ts';
import { manifestAt, NEW_YEAR_MS } from './manifests.ts';

/** Manifests in memory, counting how often each is read. */
class FakeSource implements ManifestSource {
  readonly manifests = new Map<string, Manifest>();
  reads = 0;
  fails = false;

  put(manifest: Manifest): Manifest {
    this.manifests.set(manifest.id, manifest);
    return manifest;
  }

  async idsBefore(before: string | undefined, count: number): Promise<readonly string[]> {
    if (this.fails) throw new Error('away');
    const ids = [...this.manifests.keys()].filter(id => before === undefined || id < before);
    return ids.sort().reverse().slice(0, count);
  }

  async get(id: string): Promise<Manifest | undefined> {
    this.reads++;
    return this.manifests.get(id);
  }
}

async function allPages(index: RecordingIndex, query: RecordingQuery): Promise<string[]> {
  const ids: string[] = [];
  for (let before: string | undefined; ; ) {
    const page = await index.search({ ...query, ...(before !== undefined && { before }) });
    expect(page.manifests.length).toBeLessThanOrEqual(query.limit);
    ids.push(...page.manifests.map(({ id }) => id));
    if (page.next === undefined) return ids;
    before = page.next;
  }
}

describe('the index of recordings', () => {
  test('pages give every match once, newest first, whatever fits in memory', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 50 }), { maxLength: 25 }),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 50 }),
        fc.nat({ max: 25 }),
        async (times, maxIndexed, maxScanned, limit, since, loadedAfter) => {
          const source = new FakeSource();
          const index = new RecordingIndex(source, {
            ...DEFAULT_INDEX_LIMITS,
            maxIndexed,
            maxScanned,
            readsAtOnce: 2,
          });
          for (const [at, ms] of times.entries()) {
            if (at === loadedAfter) await index.load();
            index.add(source.put(manifestAt(ms, { user: ms % 3 === 0 ? 'ann' : 'bob' })));
          }
          const expected = [...source.manifests.values()]
            .filter(({ header }) => header?.kubewitness?.['user'] === 'ann')
            .filter(({ receivedAt }) => Date.parse(receivedAt) >= NEW_YEAR_MS + since)
            .map(({ id }) => id);
          const query = { user: 'ann', sinceMs: NEW_YEAR_MS + since, limit };
          expect(await allPages(index, query)).toEqual(expected.sort().reverse());
        },
      ),
    );
  });

  test('what is in memory is not read again', async () => {
    const source = new FakeSource();
    for (let ms = 0; ms < 10; ms++) source.put(manifestAt(ms));
    const index = new RecordingIndex(source, { ...DEFAULT_INDEX_LIMITS, maxIndexed: 4 });
    await index.load();
    expect(source.reads).toBe(4);
    expect((await index.search({ limit: 4 })).manifests).toHaveLength(4);
    expect(source.reads).toBe(4);
  });

  test('one search reads no more than its bound and says where to go on', async () => {
    const source = new FakeSource();
    for (let ms = 0; ms < 100; ms++) source.put(manifestAt(ms));
    const index = new RecordingIndex(source, {
      ...DEFAULT_INDEX_LIMITS,
      maxIndexed: 0,
      maxScanned: 10,
      readsAtOnce: 4,
    });
    const page = await index.search({ user: 'nobody', limit: 5 });
    expect(source.reads).toBe(10);
    expect(page.manifests).toEqual([]);
    const ids = [...source.manifests.keys()].sort().reverse();
    expect(page.next).toBe(ids[9]);
  });

  test('long headers use the memory up sooner, and are found all the same', async () => {
    const source = new FakeSource();
    const index = new RecordingIndex(source, { ...DEFAULT_INDEX_LIMITS, maxIndexedBytes: 10_000 });
    await index.load();
    for (let ms = 0; ms < 10; ms++) index.add(source.put(manifestAt(ms, { command: 'x'.repeat(4000) })));
    expect((await index.search({ limit: 99 })).manifests).toHaveLength(10);
    expect(source.reads).toBe(8);
  });

  test('what was removed is no longer found, and blocks are not listed', async () => {
    const source = new FakeSource();
    const [gone, stays] = [source.put(manifestAt(1)), source.put(manifestAt(2))];
    const index = new RecordingIndex(source);
    await index.load();
    index.remove(gone.id);
    const { manifests } = await index.search({ limit: 9 });
    expect(manifests.map(({ id }) => id)).toEqual([stays.id]);
    expect(manifests[0]).not.toHaveProperty('blocks');
  });

  test('a failed start is tried again', async () => {
    const source = new FakeSource();
    source.put(manifestAt(1));
    source.fails = true;
    const index = new RecordingIndex(source);
    await expect(index.search({ limit: 1 })).rejects.toThrow('away');
    source.fails = false;
    expect((await index.search({ limit: 1 })).manifests).toHaveLength(1);
  });
});
