import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminServer } from '../../src/admin/server.ts';
import { startAdmin } from '../src/admin/admin.ts';
import { accessibilityProblems } from '../support/axe.ts';
import { hasBrowser, LOOKS, openPage, startBrowser } from '../support/browser.ts';
import { gapped, recordings, records, sessions, unrecorded } from '../support/showcase.ts';
import { smallPng } from '../support/small-png.ts';

const PAGE = fileURLToPath(new URL('../../dist/live/', import.meta.url));
/** Pictures are of a moment: they are made anew with UPDATE_DOCS=1, and compared by nobody. */
const IMAGES =
  process.env['UPDATE_DOCS'] === '1'
    ? fileURLToPath(new URL('../../docs/pictures/', import.meta.url))
    : process.env['PICTURES'];

/** All of them with PICTURES=folder, to be looked at. */
const SHOWN_IN_DOCS: ReadonlySet<string> = new Set([
  'overview-1280-light',
  'overview-1280-dark',
  'overview-400-dark',
  'sessions-1280-light',
  'session-1280-light',
  'failures-1280-light',
  'recordings-1280-light',
]);

describe.skipIf(!hasBrowser())('each view, as somebody sees it', () => {
  let browser: Browser;
  let admin: AdminServer;

  beforeAll(async () => {
    browser = await startBrowser();
    const started = await startAdmin({
      page: PAGE,
      recordings,
      history: {
        unrecorded: async () => unrecorded,
        history: async id => (id === gapped.id ? { view: gapped, records } : undefined),
      },
      sandbox: { state: 'running', kubectl: 'kubectl --kubeconfig try-data/kubeconfig', act: async () => {} },
    });
    admin = started.admin;
    for (const session of sessions) started.sessions.change(session);
  });
  afterAll(async () => {
    await browser?.close();
    await admin?.close();
  });

  const VIEWS: readonly (readonly [string, string, (page: Page) => Promise<unknown>])[] = [
    ['overview', '#/', page => page.getByText('recorder running').waitFor()],
    ['sessions', '#/sessions', page => page.getByText('14 sessions', { exact: true }).waitFor()],
    [
      'session',
      `#/sessions/${gapped.id}`,
      async page => {
        await page.getByText('Audit records').waitFor();
        await page.locator('.ap-overlay-start').click();
        await page.locator('.ap-player', { hasText: '(3 rows)' }).first().waitFor();
        await page.keyboard.press('Space');
      },
    ],
    ['failures', '#/failures?span=24h&by=phase', page => page.getByText('In the last 24 hours').waitFor()],
    ['recordings', '#/recordings', page => page.getByText('1.1 GiB').waitFor()],
  ];

  test.each(LOOKS)('fits $width px, $colorScheme, and axe finds nothing', async look => {
    const problems: string[] = [];
    for (const [name, hash, ready] of VIEWS) {
      const { page, complaints } = await openPage(browser, `http://127.0.0.1:${admin.port}/${hash}`, look);
      await ready(page);
      expect([name, await page.evaluate('document.documentElement.scrollWidth - innerWidth')]).toEqual([
        name,
        0,
      ]);
      expect([name, complaints]).toEqual([name, []]);
      if (IMAGES !== undefined) {
        mkdirSync(IMAGES, { recursive: true });
        const picture = `${name}-${look.width}-${look.colorScheme}`;
        if (process.env['UPDATE_DOCS'] !== '1' || SHOWN_IN_DOCS.has(picture)) {
          const png = await page.screenshot({ fullPage: true, animations: 'disabled' });
          writeFileSync(`${IMAGES}/${picture}.png`, smallPng(png));
        }
      }
      problems.push(...(await accessibilityProblems(page)).map(problem => `${name}: ${problem}`));
      await page.context().close();
    }
    expect(problems).toEqual([]);
  });
});
