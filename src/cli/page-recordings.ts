import type { RecordingSummary, RecordingsReader } from '../live/recordings-reader.ts';
import { MAX_EXPORTED_BYTES } from '../live/recordings-reader.ts';
import { exportPage } from '../recorder/export-page.ts';
import type { Manifest } from '../recorder/manifest.ts';
import { readPlayer, textOf } from './recordings-export.ts';
import type { SourceOptions } from './recordings-source.ts';
import { openSource } from './recordings-source.ts';

/** The recordings of a folder, or of a recorder, as the page takes them. Reads only: whoever writes there goes on. */
export async function pageRecordings(options: SourceOptions): Promise<RecordingsReader> {
  const source = await openSource(options);
  // A player asks for part after part, and the manifest of a large cast is large.
  let last: { readonly id: string; readonly sessionId: string | undefined } | undefined;
  const sessionOf = async (id: string): Promise<string | undefined> => {
    if (last?.id !== id) last = { id, sessionId: (await source.get(id))?.sessionId };
    return last.sessionId;
  };
  return {
    search: async query => {
      const { manifests, next } = await source.search(query);
      return { items: manifests.map(summaryOf), ...text('next', next) };
    },
    get: async id => {
      const manifest = await source.get(id);
      return manifest && summaryOf(manifest);
    },
    open: async (id, range) => {
      const [cast, sessionId] = await Promise.all([source.openPart(id, range), sessionOf(id)]);
      return cast === undefined ? undefined : { ...cast, ...text('sessionId', sessionId) };
    },
    page: async id => {
      const manifest = await source.get(id);
      if (manifest === undefined || manifest.bytes > MAX_EXPORTED_BYTES) return undefined;
      const cast = await source.openCast(id);
      if (cast === undefined) return undefined;
      const html = exportPage({
        cast: await textOf(cast),
        manifests: [manifest],
        player: await readPlayer(),
      });
      return { html, ...text('sessionId', manifest.sessionId) };
    },
  };
}

function summaryOf({
  id,
  sessionId,
  receivedAt,
  bytes,
  durationSeconds,
  complete,
  incompleteReason,
  header,
}: Manifest): RecordingSummary {
  const { kubernetes, kubewitness, command } = header ?? {};
  return {
    id,
    receivedAt,
    bytes,
    durationSeconds,
    complete,
    ...text('sessionId', sessionId),
    ...text('incompleteReason', incompleteReason),
    ...text('user', kubewitness?.['user']),
    ...text('namespace', kubernetes?.['Namespace']),
    ...text('pod', kubernetes?.['PodName']),
    ...text('container', kubernetes?.['Container']),
    ...text('command', command),
  };
}

/** Headers come from whoever uploaded: what is not text is left out. */
function text<Name extends string>(name: Name, value: unknown): { [key in Name]?: string } {
  const named: { [key in Name]?: string } = {};
  if (typeof value === 'string' && value !== '') named[name] = value;
  return named;
}
