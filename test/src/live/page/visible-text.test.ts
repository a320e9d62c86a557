import { describe, expect, test } from 'vitest';
import { commandLine, visibleText } from '../../../../src/live/page/visible-text.ts';

describe('visibleText', () => {
  test.each([
    ['markup stays what it is', '<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['quotes too', '"><script>', '"><script>'],
    ['a terminal title', '\u001b]0;x\u0007', '⟨001B⟩]0;x⟨0007⟩'],
    ['a line of its own', 'ls\n{"level":60}', 'ls⏎{"level":60}'],
    ['a carriage return', 'rm -rf /\rls', 'rm -rf /⟨000D⟩ls'],
    ['text turned round', 'a\u202Eexe.txt', 'a⟨202E⟩exe.txt'],
    ['isolates', '\u2066x\u2069', '⟨2066⟩x⟨2069⟩'],
    ['nothing to see', 'ad\u200Bmin', 'ad⟨200B⟩min'],
    ['C1 controls', '\u009b31m', '⟨009B⟩31m'],
    ['tags beyond the BMP', 'a\u{e0061}', 'a⟨E0061⟩'],
    ['letters of all scripts', 'zoë 王 שלום 🙂', 'zoë 王 שלום 🙂'],
  ])('%s B106', (_name, text, visible) => {
    expect(visibleText(text)).toBe(visible);
  });
});

describe('commandLine', () => {
  test.each([
    [['ls', '-l', '/tmp/a.b'], 'ls -l /tmp/a.b'],
    [['sh', '-c', 'echo "hi"; ls'], `sh -c 'echo "hi"; ls'`],
    [['echo', "it's"], `echo 'it'\\''s'`],
    [['echo', ''], "echo ''"],
    [['a b', 'c\u202Ed'], "'a b' 'c⟨202E⟩d'"],
    [[], ''],
  ])('%j', (words, line) => {
    expect(commandLine(words)).toBe(line);
  });
});
