import type { RecordingSummary, RecordingsReader } from '../live/recordings-reader.ts';
import type { Manifest } from '../recorder/manifest.ts';
import { openFolder } from './recordings-source.ts';

/** The recordings of a folder as the page takes them. Reads only: the recorder that writes there goes on. */
export async function pageRecordings(dir: string): Promise<RecordingsReader> {
  const { search, reader } = await openFolder(dir);
  return {
    list: async ({ sessionId, limit }) => {
      const { manifests } = await search({
        limit,
        ...(sessionId === undefined ? {} : { session: sessionId }),
      });
      return manifests.map(summaryOf);
    },
    open: async id => {
      const [cast, manifest] = await Promise.all([reader.openCast(id), reader.get(id)]);
      return cast === undefined ? undefined : { ...cast, ...text('sessionId', manifest?.sessionId) };
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
