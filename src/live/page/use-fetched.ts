import { useEffect, useState } from 'preact/hooks';

export type Fetched<Value> =
  | { readonly kind: 'looking' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'found'; readonly value: Value };

/** What `fetched` gives for `about`; asked for anew when `about` or `again` changes, the last answer kept meanwhile. */
export function useFetched<Value>(
  about: string,
  again: unknown,
  fetched: (about: string) => Promise<Value>,
): Fetched<Value> {
  const [held, setHeld] = useState<{ about: string; answer: Fetched<Value> }>();
  useEffect(() => {
    let wanted = true;
    fetched(about).then(
      value => wanted && setHeld({ about, answer: { kind: 'found', value } }),
      (error: unknown) => wanted && setHeld({ about, answer: { kind: 'failed', why: String(error) } }),
    );
    return () => {
      wanted = false;
    };
  }, [about, again]);
  return held?.about === about ? held.answer : { kind: 'looking' };
}
