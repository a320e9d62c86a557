import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createLogger } from '../log.ts';
import { FolderReader } from '../recorder/folder-reader.ts';
import type { Hold } from '../recorder/hold.ts';
import type { Manifest } from '../recorder/manifest.ts';
import { isRecordingId } from '../recorder/recording-id.ts';
import { DEFAULT_INDEX_LIMITS, RecordingIndex } from '../recorder/recording-index.ts';
import type { RecordingPage, RecordingQuery } from '../recorder/recording-query.ts';
import type { StoredCast } from '../recorder/storage.ts';
import { readText } from './read-text.ts';
import { HttpRecordings } from './recordings-http.ts';
import { tokensIn } from './recordings-tokens.ts';

export interface SourceOptions {
  readonly dir?: string | undefined;
  readonly url?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** Where recordings are read from: a folder, or a recorder's HTTP API. */
export interface RecordingsSource {
  search(query: RecordingQuery): Promise<RecordingPage>;
  get(id: string): Promise<Manifest | undefined>;
  /** Whole lines only; the caller reads or destroys it. */
  openCast(id: string): Promise<Readable | undefined>;
  /** The same, or what a Range header names of it. */
  openPart(id: string, range: string | undefined): Promise<StoredCast | undefined>;
  /** Only a folder tells. */
  hold?(id: string): Promise<Hold | undefined>;
}

/** Most parts that one session may have here. */
const MAX_PARTS = 500;

export async function openSource({ dir, url, tokenFile }: SourceOptions): Promise<RecordingsSource> {
  if ((dir === undefined) === (url === undefined)) throw new Error('give either --dir or --url');
  if (dir !== undefined) {
    if (tokenFile !== undefined) throw new Error('--token-file is for --url');
    return openFolder(dir);
  }
  const [token] = tokenFile === undefined ? [] : tokensIn(readText(tokenFile), tokenFile);
  return new HttpRecordings(url ?? '', token);
}

export interface FolderSource extends RecordingsSource {
  readonly reader: FolderReader;
}

/** A folder is searched without an index in memory: a command asks once. */
export async function openFolder(dir: string | undefined): Promise<FolderSource> {
  if (dir === undefined) throw new Error('--dir is missing: the folder of the recorder');
  if (!(await stat(dir)).isDirectory()) throw new Error(`${dir} is not a folder`);
  const reader = new FolderReader(dir, createLogger('warn'));
  const limits = { ...DEFAULT_INDEX_LIMITS, maxIndexed: 0, maxScanned: Number.MAX_SAFE_INTEGER };
  const index = new RecordingIndex(reader, limits);
  return {
    reader,
    search: query => index.search(query),
    get: id => reader.get(id),
    hold: id => reader.hold(id),
    openCast: async id => (await reader.openCast(id))?.body,
    openPart: (id, range) => reader.openCast(id, range),
  };
}

/** The recording of that id, or all parts of the session of that id, oldest first. Rejects when there is none. */
export async function findRecordings(source: RecordingsSource, id: string): Promise<readonly Manifest[]> {
  const manifest = isRecordingId(id) ? await source.get(id) : undefined;
  if (manifest !== undefined) return [manifest];
  const { manifests } = await source.search({ session: id, limit: MAX_PARTS });
  if (manifests.length === 0)
    throw new Error(`there is no recording ${id}, and no session of that id has one`);
  return [...manifests].reverse();
}

export async function findOne(source: RecordingsSource, id: string): Promise<Manifest> {
  const [first, ...others] = await findRecordings(source, id);
  if (first === undefined) throw new Error(`there is no recording ${id}`);
  if (others.length > 0) {
    const ids = [first, ...others].map(part => part.id).join(', ');
    throw new Error(`session ${id} has ${others.length + 1} recordings: name one of ${ids}`);
  }
  return (await source.get(first.id)) ?? first;
}
