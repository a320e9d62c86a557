import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { SOURCE_NAMES } from '../../src/config/identity-schema.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { configJsonSchema } from '../../src/config/schema.ts';

const page = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

/** `npm run docs` writes it; this test holds it true. */
test('docs/config.schema.json is the schema of the code', () => {
  const file = new URL('../../docs/config.schema.json', import.meta.url);
  const wanted = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, wanted);
  expect(readFileSync(file, 'utf8')).toBe(wanted);
});

const BLOCKS = /^```yaml\n([\s\S]*?)^```$/gm;
/** What a page leaves out because it is about something else. */
const REST = {
  listen: { tls: { cert: 'tls.crt', key: 'tls.key' } },
  upstream: { inCluster: true },
  identity: { static: [{ user: 'ann', token: 't' }] },
  audit: { file: 'audit.jsonl' },
};

/** Every example of a page that is a configuration or a part of one; lists of RBAC rules are none. */
function examplesIn(name: string): { readonly title: string; readonly text: string }[] {
  return [...page(name).matchAll(BLOCKS)].flatMap(([, text = ''], at) => {
    const value: unknown = parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    return [{ title: `${name}, example ${at + 1}: ${Object.keys(value).join(', ')}`, text }];
  });
}

const examples = ['README.md', 'docs/config.md', 'docs/identity.md'].flatMap(examplesIn);

describe('examples of configurations', () => {
  test.each(examples)('$title', ({ text }) => {
    const whole = { ...REST, ...parse(text) };
    expect(parseConfig(stringify(whole), 'example')).toBeDefined();
    // As an editor would check it.
    const asEditors = z.fromJSONSchema(JSON.parse(page('docs/config.schema.json')));
    expect(asEditors.safeParse(whole).error?.issues ?? []).toEqual([]);
  });

  test('an editor shows what is wrong', () => {
    const asEditors = z.fromJSONSchema(JSON.parse(page('docs/config.schema.json')));
    expect(asEditors.safeParse({ ...REST, nothing: 1 }).success).toBe(false);
    expect(asEditors.safeParse({ ...REST, upstream: { mode: 'none' } }).success).toBe(false);
  });

  test.each(SOURCE_NAMES)('docs/config.md has a commented one for %s', source => {
    const own = examplesIn('docs/config.md').filter(
      ({ text }) => parse(text).identity?.[source] !== undefined && /#/.test(text),
    );
    expect(own).not.toEqual([]);
  });

  test('docs/config.md says how an editor finds the schema', () => {
    expect(page('docs/config.md')).toContain('# yaml-language-server: $schema=');
  });
});
