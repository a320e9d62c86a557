import { Readable } from 'node:stream';
import { partOf } from './byte-range.ts';
import { type Hold, parseHold } from './hold.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { isRecordingId, parseStoredName, type StoredKind, storedName } from './recording-id.ts';
import type { ManifestSource } from './recording-index.ts';
import { type S3Client, S3Error } from './s3-client.ts';
import { xmlValue, xmlValues } from './s3-xml.ts';
import { type StoredCast, storageErrorOf } from './storage.ts';
import { wholeLineBytes } from './whole-lines.ts';

/** A download lasts as long as its reader; the recorder's own bound on stalls is shorter. */
const DOWNLOAD_MS = 3_600_000;

/** The recordings of a bucket, under the names that a folder would give them. */
export class S3Objects implements ManifestSource {
  readonly #client: S3Client;

  constructor(client: S3Client) {
    this.#client = client;
  }

  /** S3 lists upwards only, so all names are looked at and the last `count` are kept. */
  async idsBefore(before: string | undefined, count: number): Promise<readonly string[]> {
    const { prefix } = this.#client.place;
    let newest: string[] = [];
    for (let token: string | undefined; ; ) {
      const page = { 'list-type': '2', prefix, ...(token !== undefined && { 'continuation-token': token }) };
      const xml = await this.#attempt(() => this.#client.text({ method: 'GET', query: page }));
      for (const key of xmlValues(xml ?? '', 'Key')) {
        const stored = parseStoredName(key.slice(prefix.length));
        if (stored?.kind === '.json' && (before === undefined || stored.id < before)) newest.push(stored.id);
      }
      newest = newest.sort().slice(-count);
      token = xmlValue(xml ?? '', 'NextContinuationToken');
      if (token === undefined) return newest.reverse();
    }
  }

  async get(id: string): Promise<Manifest | undefined> {
    const text = await this.#text(id, '.json');
    return text === undefined ? undefined : parseManifest(text);
  }

  async hold(id: string): Promise<Hold | undefined> {
    const text = await this.#text(id, '.hold');
    return text === undefined ? undefined : parseHold(text);
  }

  async openCast(id: string, range?: string): Promise<StoredCast | undefined> {
    const manifest = await this.get(id);
    if (manifest === undefined) return undefined;
    const key = storedName(id, '.cast');
    const bytes = manifest.complete
      ? manifest.bytes
      : await wholeLineBytes(manifest.bytes, (start, length) => this.#range(key, start, length));
    const part = partOf(range, bytes);
    const said = part === undefined ? {} : { part };
    if (bytes === 0 || part === 'none') return { bytes, ...said, body: Readable.from([]) };
    const { first, length } = part ?? { first: 0, length: bytes };
    const response = await this.#attempt(() =>
      this.#client.send({ method: 'GET', key, headers: rangeOf(first, length), limitMs: DOWNLOAD_MS }),
    );
    if (response === undefined || response.body === null) return undefined;
    return { bytes, ...said, body: Readable.fromWeb(response.body) };
  }

  /** The manifest goes last, as in a folder: until then the recording is found, and deleted again. */
  async remove(id: string): Promise<void> {
    for (const kind of ['.cast', '.json'] as const) {
      await this.#attempt(() => this.#client.text({ method: 'DELETE', key: storedName(id, kind) }));
    }
  }

  async #text(id: string, kind: StoredKind): Promise<string | undefined> {
    if (!isRecordingId(id)) return undefined;
    return this.#attempt(() => this.#client.text({ method: 'GET', key: storedName(id, kind) }));
  }

  async #range(key: string, start: number, length: number): Promise<Buffer> {
    const response = await this.#attempt(() =>
      this.#client.send({ method: 'GET', key, headers: rangeOf(start, length) }),
    );
    return response === undefined ? Buffer.alloc(0) : Buffer.from(await response.arrayBuffer());
  }

  /** Undefined: there is no such object. */
  async #attempt<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof S3Error && error.status === 404 && error.code !== 'NoSuchBucket') return undefined;
      throw storageErrorOf(error);
    }
  }
}

function rangeOf(start: number, length: number): Readonly<Record<string, string>> {
  return { range: `bytes=${start}-${start + length - 1}` };
}
