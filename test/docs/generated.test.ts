import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mermaid, stateTable } from '../../machines/chart.ts';
import { recordersMachine } from '../../machines/recorders.ts';
import { sessionMachine } from '../../machines/session.ts';

/** Parts of the docs that come from the code. `npm run docs` writes them; this test holds them true. */
const SECTIONS: Readonly<Record<string, string>> = {
  'session-chart': `\`\`\`mermaid\n${mermaid(sessionMachine)}\`\`\``,
  'session-states': stateTable(sessionMachine).trimEnd(),
  'recorders-chart': `\`\`\`mermaid\n${mermaid(recordersMachine)}\`\`\``,
};

const page = new URL('../../docs/session.md', import.meta.url);

function withSections(text: string): string {
  return Object.entries(SECTIONS).reduce(
    (result, [name, body]) =>
      result.replace(
        new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(\n<!-- /${name} -->)`),
        (_all, open: string, close: string) => `${open}${body}${close}`,
      ),
    text,
  );
}

describe('docs/session.md', () => {
  test('shows the machines that run', () => {
    const text = readFileSync(page, 'utf8');
    for (const name of Object.keys(SECTIONS)) expect(text).toContain(`<!-- ${name} -->`);
    const wanted = withSections(text);
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, wanted);
    expect(process.env['UPDATE_DOCS'] === '1' ? wanted : text).toBe(wanted);
  });
});
