import type { RecordingSummary } from '../recordings-reader.ts';
import type { CastBytes } from './cast-windows.ts';

const PATH = '/api/v1/recordings';

export async function fetchRecordings(sessionId?: string): Promise<readonly RecordingSummary[]> {
  const query = sessionId === undefined ? '' : `?session=${encodeURIComponent(sessionId)}`;
  const response = await fetch(`${PATH}${query}`);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  // Same origin, same build: the shape is that of recordings-reader.ts.
  const { items } = (await response.json()) as { items: readonly RecordingSummary[] };
  return items;
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
