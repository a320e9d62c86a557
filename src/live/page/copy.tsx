import { useState } from 'preact/hooks';
import { visibleText } from './visible-text.ts';

/** A value and a button that puts it, as it is, into the clipboard. */
export function Copy({ value, label }: { value: string; label: string }) {
  const [said, setSaid] = useState('Copy');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(value);
      setSaid('Copied');
    } catch {
      // Not over plain HTTP to another host, or not permitted: the value can still be selected by hand.
      setSaid('Select it by hand');
    }
  };
  return (
    <span class="copy">
      <code>{visibleText(value)}</code>
      <button type="button" aria-label={`Copy ${label}`} onClick={() => void copy()}>
        {said}
      </button>
    </span>
  );
}
