import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mermaid, stateTable } from '../../machines/chart.ts';
import { recordersMachine } from '../../machines/recorders.ts';
import { sessionMachine } from '../../machines/session.ts';
import { failureTable } from '../hostile/failure-table.ts';
import { branchTables } from '../hostile/reference-branch.ts';
import { BRANCHES } from '../hostile/reference-branches.ts';
import { configTable } from './config-table.ts';

/** Parts of the docs that come from the code. `npm run docs` writes them; this test holds them true. */
const PAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'session.md': {
    'session-chart': `\`\`\`mermaid\n${mermaid(sessionMachine)}\`\`\``,
    'session-states': stateTable(sessionMachine).trimEnd(),
    'recorders-chart': `\`\`\`mermaid\n${mermaid(recordersMachine)}\`\`\``,
  },
  'config.md': { 'config-table': configTable() },
  'tailscale.md': { 'reference-branches': branchTables(BRANCHES) },
  'recording.md': { 'failure-table': failureTable() },
};

function withSections(text: string, sections: Readonly<Record<string, string>>): string {
  return Object.entries(sections).reduce(
    (result, [name, body]) =>
      result.replace(
        new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(\n<!-- /${name} -->)`),
        (_all, open: string, close: string) => `${open}${body}${close}`,
      ),
    text,
  );
}

describe('docs say what the code says', () => {
  test.each(Object.entries(PAGES))('%s', (name, sections) => {
    const page = new URL(`../../docs/${name}`, import.meta.url);
    const text = readFileSync(page, 'utf8');
    for (const section of Object.keys(sections)) expect(text).toContain(`<!-- ${section} -->`);
    const wanted = withSections(text, sections);
    const updating = process.env['UPDATE_DOCS'] === '1';
    if (updating) writeFileSync(page, wanted);
    expect(updating ? wanted : text).toBe(wanted);
  });
});
