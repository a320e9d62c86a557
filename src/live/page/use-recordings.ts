import { useEffect, useState } from 'preact/hooks';
import type { RecordingSummary } from '../recordings-reader.ts';
import { fetchRecordings } from './recordings-api.ts';

export type Found =
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'looking' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'found'; readonly items: readonly RecordingSummary[] };

/** Recordings of one session, of all (`''`), or none because there is no reader; looked for anew when `again` changes. */
export function useRecordings(sessionId: string | undefined, again?: string): Found {
  const [found, setFound] = useState<Found>({ kind: 'looking' });
  useEffect(() => {
    if (sessionId === undefined) {
      setFound({ kind: 'unavailable' });
      return;
    }
    let wanted = true;
    setFound({ kind: 'looking' });
    fetchRecordings(sessionId === '' ? undefined : sessionId).then(
      items => wanted && setFound({ kind: 'found', items }),
      (error: unknown) => wanted && setFound({ kind: 'failed', why: String(error) }),
    );
    return () => {
      wanted = false;
    };
  }, [sessionId, again]);
  return found;
}
