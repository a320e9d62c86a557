import type { RecordingSummary } from '../recordings-reader.ts';

const PATH = '/api/v1/recordings';
/** The player holds a whole cast in memory, and several times over. */
export const MAX_PLAYED_BYTES = 32 * 1024 * 1024;

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

export async function fetchCast(id: string, signal: AbortSignal): Promise<string> {
  // Said for the audit, which tells playing from downloading.
  const response = await fetch(`${castUrl(id)}?play`, { signal });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.text();
}
