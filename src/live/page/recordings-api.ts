import type { RecordingSummary, RecordingsFound } from '../recordings-reader.ts';
import type { CastBytes } from './cast-windows.ts';

const PATH = '/api/v1/recordings';

/** Parameters as the recorder's own search takes them (docs/recorder.md). */
export function fetchRecordings(params: Readonly<Record<string, string>>): Promise<RecordingsFound> {
  return fetched(`${PATH}?${new URLSearchParams(params)}`);
}

export function fetchRecording(id: string): Promise<RecordingSummary> {
  return fetched(`${PATH}/${encodeURIComponent(id)}`);
}

/** Same origin, same build: the shape is that of recordings-reader.ts. */
async function fetched<Answer>(url: string): Promise<Answer> {
  const response = await fetch(url);
  if (response.ok) return (await response.json()) as Answer;
  throw new Error(
    response.status === 404 ? 'there is none of that id' : `the server answered ${response.status}`,
  );
}

export function castUrl(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}/cast`;
}

/** One page with the cast and a player in it, to be kept. */
export function exportUrl(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}/page`;
}

/** A cast in parts (RFC 9110 14.2). `play` is said for the audit, which tells playing from downloading. */
export function castBytes(id: string, bytes: number): CastBytes {
  return {
    bytes,
    read: async (first, length, signal) => {
      const last = Math.min(first + length, bytes) - 1;
      if (last < first) return new Uint8Array();
      const headers = { range: `bytes=${first}-${last}` };
      const response = await fetch(`${castUrl(id)}?play`, { signal, headers });
      if (response.status !== 206) throw new Error(`the server answered ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}
