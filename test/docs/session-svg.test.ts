import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';
import { layOut } from '../../machines/chart-layout.ts';
import { chartOf } from '../../machines/chart-model.ts';
import { CONTRACT_DEPTH, DOCUMENT } from '../../machines/chart-styles.ts';
import { chartSvg } from '../../machines/chart-svg.ts';
import { sessionMachine } from '../../machines/session.ts';
import { layoutEngine } from '../support/layout-engine.ts';

/** `npm run docs` draws it; this holds it to the machine that runs. */
test('docs/session.svg is the session machine', async () => {
  const picture = new URL('../../docs/session.svg', import.meta.url);
  const layout = await layOut(chartOf(sessionMachine, CONTRACT_DEPTH), DOCUMENT, layoutEngine());
  const drawn = chartSvg(layout, 'The session machine of kubewitness');
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(picture, drawn);
  expect(readFileSync(picture, 'utf8')).toBe(drawn);
});
