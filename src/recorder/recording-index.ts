import { type Manifest, summaryOf } from './manifest.ts';
import { timeOfRecording } from './recording-id.ts';
import { matchesQuery, type RecordingPage, type RecordingQuery } from './recording-query.ts';

/** Where the manifests themselves are. */
export interface ManifestSource {
  /** Ids of finished recordings older than `before`, newest first, at most `count`. */
  idsBefore(before: string | undefined, count: number): Promise<readonly string[]>;
  get(id: string): Promise<Manifest | undefined>;
}

export interface IndexLimits {
  /** Manifests kept in memory, the newest. Older ones are read anew for each search. */
  readonly maxIndexed: number;
  /** Their JSON together: a sender decides how long a header is. */
  readonly maxIndexedBytes: number;
  /** Manifests that one search reads beyond those. What is then still to be seen is the next page's. */
  readonly maxScanned: number;
  /** Manifests read at one time. */
  readonly readsAtOnce: number;
}

export const DEFAULT_INDEX_LIMITS: IndexLimits = {
  maxIndexed: 20_000,
  maxIndexedBytes: 64 * 1024 * 1024,
  maxScanned: 2000,
  readsAtOnce: 16,
};

interface Entry {
  readonly id: string;
  readonly manifest: Manifest;
  readonly bytes: number;
}

/** Searches manifests, newest first. Ids begin with their time, so their order is that of the recordings. */
export class RecordingIndex {
  readonly #source: ManifestSource;
  readonly #limits: IndexLimits;
  /** Oldest first. */
  readonly #newest: Entry[] = [];
  #bytes = 0;
  #olderExist = false;
  #loading: Promise<void> | undefined;

  constructor(source: ManifestSource, limits: IndexLimits = DEFAULT_INDEX_LIMITS) {
    this.#source = source;
    this.#limits = limits;
  }

  /** Fills the memory once; after a failure the next call tries again. */
  load(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** A recording was filed. Before `load` there is nothing to keep current. */
  add(manifest: Manifest): void {
    if (this.#loading === undefined) return;
    this.remove(manifest.id);
    const summary = summaryOf(manifest);
    const entry = { id: manifest.id, manifest: summary, bytes: JSON.stringify(summary).length };
    this.#newest.splice(this.#placeOf(entry.id), 0, entry);
    this.#bytes += entry.bytes;
    const { maxIndexed, maxIndexedBytes } = this.#limits;
    while (this.#newest.length > maxIndexed || this.#bytes > maxIndexedBytes) {
      this.#bytes -= this.#newest.shift()?.bytes ?? 0;
      this.#olderExist = true;
    }
  }

  remove(id: string): void {
    const at = this.#placeOf(id);
    const entry = this.#newest[at];
    if (entry?.id !== id) return;
    this.#newest.splice(at, 1);
    this.#bytes -= entry.bytes;
  }

  async search(query: RecordingQuery): Promise<RecordingPage> {
    await this.load();
    const found: Manifest[] = [];
    let before = query.before;
    const oldest = this.#newest[0]?.id;
    for (let at = this.#endBefore(before) - 1; at >= 0; at--) {
      const entry = this.#newest[at];
      if (entry === undefined || isTooOld(entry.id, query)) return { manifests: found };
      before = entry.id;
      if (!matchesQuery(entry.manifest, query)) continue;
      found.push(entry.manifest);
      if (found.length === query.limit) return { manifests: found, next: before };
    }
    if (!this.#olderExist) return { manifests: found };
    if (before === undefined || (oldest !== undefined && before > oldest)) before = oldest;
    return this.#scan(query, found, before);
  }

  async #scan(query: RecordingQuery, found: Manifest[], from: string | undefined): Promise<RecordingPage> {
    let before = from;
    for (let left = this.#limits.maxScanned; left > 0; ) {
      const ids = await this.#source.idsBefore(before, Math.min(left, this.#limits.readsAtOnce));
      if (ids.length === 0) return { manifests: found };
      left -= ids.length;
      for (const [at, manifest] of (await this.#read(ids)).entries()) {
        const id = ids[at];
        if (id === undefined || isTooOld(id, query)) return { manifests: found };
        before = id;
        if (manifest === undefined || !matchesQuery(manifest, query)) continue;
        found.push(summaryOf(manifest));
        if (found.length === query.limit) return { manifests: found, next: before };
      }
    }
    return { manifests: found, ...(before !== undefined && { next: before }) };
  }

  async #load(): Promise<void> {
    const { maxIndexed, readsAtOnce } = this.#limits;
    const ids = await this.#source.idsBefore(undefined, maxIndexed + 1);
    this.#olderExist ||= ids.length > maxIndexed;
    // Oldest first, so that what a full memory pushes out is what it can do without.
    const wanted = ids.slice(0, maxIndexed).reverse();
    for (let start = 0; start < wanted.length; start += readsAtOnce) {
      for (const manifest of await this.#read(wanted.slice(start, start + readsAtOnce))) {
        if (manifest !== undefined) this.add(manifest);
      }
    }
  }

  #read(ids: readonly string[]): Promise<(Manifest | undefined)[]> {
    return Promise.all(ids.map(id => this.#source.get(id)));
  }

  /** Where the id is, or would be. */
  #placeOf(id: string): number {
    let low = 0;
    for (let high = this.#newest.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.#newest[middle]?.id ?? '') < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #endBefore(before: string | undefined): number {
    return before === undefined ? this.#newest.length : this.#placeOf(before);
  }
}

function isTooOld(id: string, { sinceMs }: RecordingQuery): boolean {
  return sinceMs !== undefined && timeOfRecording(id).getTime() < sinceMs;
}
