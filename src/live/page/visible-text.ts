/**
 * Characters that act on a reader instead of being read: C0 and C1 controls, soft hyphen, zero-width and bidirectional
 * formatting (Unicode UAX 9, CVE-2021-42574), line separators, the byte order mark, tags.
 */
const ACTING =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * Untrusted text as it is: what would act is written as its number, so that no command, name or title can reorder, hide
 * or break the words around it. It is still only text, and the page puts it nowhere but in text nodes.
 */
export function visibleText(text: string): string {
  return text.replace(ACTING, character => {
    if (character === '\n') return '⏎';
    if (character === '\t') return '⇥';
    return `⟨${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** A command as one would type it; words with anything unusual are quoted. */
export function commandLine(words: readonly string[]): string {
  return words
    .map(word => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .map(visibleText)
    .join(' ');
}
