import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ROWS, rowsIn } from './rows.ts';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder).filter(name => name.endsWith('.test.ts') && name !== 'rows.test.ts');
/** Whole texts: a row may stand in a table of cases that a test's name is made of. */
const named = new Set(files.flatMap(name => rowsIn(readFileSync(new URL(name, folder), 'utf8'))));

describe('rows', () => {
  test('each has a test that names it', () => {
    expect(ROWS.filter(row => !named.has(row))).toEqual([]);
  });

  test('no test names a row that there is not', () => {
    expect([...named].filter(row => !ROWS.includes(row))).toEqual([]);
  });

  test('are listed once', () => {
    expect(new Set(ROWS).size).toBe(ROWS.length);
  });
});
