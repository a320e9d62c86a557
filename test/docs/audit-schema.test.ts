import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { auditJsonSchema, auditRecordSchema } from '../../src/audit/schema.ts';

/** `npm run docs` writes it; this test holds it true. */
test('docs/audit.schema.json is the schema of the code', () => {
  const file = new URL('../../docs/audit.schema.json', import.meta.url);
  const wanted = `${JSON.stringify(auditJsonSchema(), null, 2)}\n`;
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, wanted);
  expect(readFileSync(file, 'utf8')).toBe(wanted);
});

test('docs/audit.md names every type of record', () => {
  const page = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8');
  for (const option of auditRecordSchema.options)
    expect(page).toContain(`| \`${option.shape.type.value}\` |`);
});
