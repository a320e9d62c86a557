import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ERRORS } from '../../src/errors.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const page = read('operate.md');

/** The words of a union type, from the source itself: types leave nothing behind to ask. */
function wordsOf(type: string): string[] {
  const source = readFileSync(new URL('../../src/recording/upload.ts', import.meta.url), 'utf8');
  const [, union = ''] =
    new RegExp(`^export type ${type} =([^;]*);`, 'm').exec(source.replaceAll(/\/\/.*/g, '')) ?? [];
  return [...union.matchAll(/'(\w+)'/g)].map(match => match[1] ?? '');
}

/** First cells of the rows of a table whose first column is called so. */
function rowsOf(column: string): Map<string, string> {
  const [, table = ''] = page.split(`| ${column} |`);
  const rows = table.split('\n\n')[0]?.split('\n').slice(2) ?? [];
  return new Map(
    rows.map(row => {
      const [, first = '', ...rest] = row.split('|');
      return [first.trim().replaceAll('`', ''), rest.join('|').trim()];
    }),
  );
}

describe('the runbook', () => {
  test.each(Object.keys(ERRORS))('has an entry for %s, and says something', code => {
    const [, after = ''] = page.split(`\n### ${code}\n`);
    const [entry = ''] = after.split('\n## ');
    const text = entry.split('\n### ')[0] ?? '';
    expect(text.trim().length).toBeGreaterThan(60);
    expect(read('errors.md')).toContain(`| \`${code}\` |`);
  });

  test('has every phase and every kind of a failed recording', () => {
    expect(wordsOf('RecorderPhase').length).toBeGreaterThan(4);
    expect(wordsOf('RecorderFailureKind').length).toBeGreaterThan(6);
    expect([...rowsOf('phase').keys()]).toEqual(expect.arrayContaining(wordsOf('RecorderPhase')));
    expect([...rowsOf('kind').keys()]).toEqual(expect.arrayContaining(wordsOf('RecorderFailureKind')));
  });

  test('has every alert', () => {
    const alerts: { groups: { rules: { alert: string }[] }[] } = parse(read('deploy/alerts.yaml'));
    const names = alerts.groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
    expect([...rowsOf('alert of [deploy/alerts.yaml](deploy/alerts.yaml)').keys()]).toEqual(
      expect.arrayContaining(names),
    );
    expect(names.length).toBeGreaterThan(10);
  });
});

test('every file that the guides link to is there', () => {
  for (const name of ['install.md', 'operate.md']) {
    const links = [...read(name).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(match => match[1] ?? '');
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(() => read(link), link).not.toThrow();
  }
});
