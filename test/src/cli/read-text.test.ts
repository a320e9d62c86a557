import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readText } from '../../../src/cli/read-text.ts';

const NAME = 'KUBEWITNESS_TEST_SECRET';
afterEach(() => {
  delete process.env[NAME];
});

test('a secret is read from its file or from the environment', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'kubewitness-text-')), 'a.token');
  writeFileSync(file, 'in-a-file\n');
  process.env[NAME] = 'in-a-variable';
  expect([readText(file), readText(`env:${NAME}`)]).toEqual(['in-a-file\n', 'in-a-variable']);
});

test('what is not there is named', () => {
  expect(() => readText('/none/a.token')).toThrow('cannot read /none/a.token: no such file');
  expect(() => readText(`env:${NAME}`)).toThrow(`cannot read env:${NAME}: there is no such variable`);
});
