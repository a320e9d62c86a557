import { describe, expect, test } from 'vitest';
import type { Texts } from '../../../src/cli/take-files.ts';
import { takeFiles } from '../../../src/cli/take-files.ts';

/** A pair must agree; no file may be broken. */
function make(texts: Texts): string {
  if (texts.get('cert') !== texts.get('key')) throw new Error('no pair');
  for (const [name, text] of texts) if (text === 'broken') throw new Error(`${name} is broken`);
  return [...texts.values()].join(' ');
}

const NOW = new Map([
  ['cert', '1'],
  ['key', '1'],
  ['token', 'a'],
]);
const take = (changed: Readonly<Record<string, string>>) =>
  takeFiles(NOW, new Map(Object.entries(changed)), make);

describe('files that have changed', () => {
  test('are taken together, as a pair must be', () => {
    expect(take({ cert: '2', key: '2' })).toMatchObject({ made: '2 2 a', taken: ['cert', 'key'] });
  });

  test('one that is broken does not hold back another', () => {
    const { made, taken, refused, texts } = take({ cert: '2', token: 'b' });
    expect([made, taken]).toEqual(['1 1 b', ['token']]);
    expect([...refused]).toEqual([['cert', 'no pair']]);
    expect([...texts.values()]).toEqual(['1', '1', 'b']);
  });

  test('none of which can be used change nothing', () => {
    const { made, taken, refused } = take({ cert: '2', token: 'broken' });
    expect([made, taken]).toEqual([undefined, []]);
    expect([...refused]).toEqual([
      ['cert', 'no pair'],
      ['token', 'token is broken'],
    ]);
  });
});
