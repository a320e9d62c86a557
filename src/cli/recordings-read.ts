import { pipeline } from 'node:stream/promises';
import { type Manifest, manifestText } from '../recorder/manifest.ts';
import { parseRecordingQuery } from '../recorder/recording-query.ts';
import { findOne, openSource, type SourceOptions } from './recordings-source.ts';
import { FILTERS, recordingTable } from './recordings-table.ts';

type ListOptions = SourceOptions &
  Readonly<Partial<Record<(typeof FILTERS)[number], string>>> & { readonly json?: boolean };

const MAX_LISTED = 100_000;

export async function listRecordings(options: ListOptions): Promise<void> {
  const params = new URLSearchParams();
  for (const name of FILTERS) {
    const value = options[name];
    if (value !== undefined) params.set(name, value);
  }
  const query = parseRecordingQuery(params, MAX_LISTED);
  if (typeof query === 'string') throw new Error(`--${query}`);
  const source = await openSource(options);
  const found: Manifest[] = [];
  // A recorder gives fewer at a time than may be asked for here.
  for (let next = query.before; found.length < query.limit; ) {
    const limit = query.limit - found.length;
    const page = await source.search({ ...query, limit, ...(next !== undefined && { before: next }) });
    found.push(...page.manifests);
    next = page.next;
    if (next === undefined) break;
  }
  const lines = options.json ? found.map(manifest => `${JSON.stringify(manifest)}\n`) : recordingTable(found);
  await print(lines.join(''));
}

export async function showRecording(id: string, options: SourceOptions): Promise<void> {
  const source = await openSource(options);
  const manifest = await findOne(source, id);
  const hold = await source.hold?.(manifest.id);
  await print(hold === undefined ? manifestText(manifest) : manifestText({ ...manifest, hold }));
}

export async function catRecording(id: string, options: SourceOptions): Promise<void> {
  const source = await openSource(options);
  const manifest = await findOne(source, id);
  const cast = await source.openCast(manifest.id);
  if (cast === undefined) throw new Error(`the cast of ${manifest.id} is missing`);
  await pipeline(cast, process.stdout, { end: false });
}

/** Resolves once the text is out: the process exits right after, and a pipe takes its time. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, error => (error ? reject(error) : resolve()));
  });
}
