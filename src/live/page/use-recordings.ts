import { useEffect, useState } from 'preact/hooks';
import { messageOf } from '../../errors.ts';
import type { RecordingSummary, RecordingsFound } from '../recordings-reader.ts';
import { fetchRecordings } from './recordings-api.ts';

export type Found =
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'looking' }
  | { readonly kind: 'failed'; readonly why: string }
  | {
      readonly kind: 'found';
      readonly items: readonly RecordingSummary[];
      /** Looks for older ones; absent when there are none. */
      readonly more?: () => void;
    };

/** What a search finds, page by page. Undefined: there is nobody to ask. Searched anew when it or `again` changes. */
export function useRecordings(sought: Readonly<Record<string, string>> | undefined, again?: string): Found {
  const [found, setFound] = useState<Found>({ kind: 'looking' });
  const about = sought && JSON.stringify(sought);
  useEffect(() => {
    if (sought === undefined) {
      setFound({ kind: 'unavailable' });
      return;
    }
    let wanted = true;
    const look = (before: readonly RecordingSummary[], page: Readonly<Record<string, string>>): void => {
      fetchRecordings({ ...sought, ...page }).then(
        answer => wanted && setFound(joined(before, answer)),
        (error: unknown) => wanted && setFound({ kind: 'failed', why: messageOf(error) }),
      );
    };
    const joined = (before: readonly RecordingSummary[], { items, next }: RecordingsFound): Found => {
      const all = [...before, ...items];
      if (next === undefined) return { kind: 'found', items: all };
      return { kind: 'found', items: all, more: () => look(all, { before: next }) };
    };
    setFound({ kind: 'looking' });
    look([], {});
    return () => {
      wanted = false;
    };
  }, [about, again]);
  return found;
}
