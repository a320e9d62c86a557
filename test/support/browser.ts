import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** False: there is none, and this machine may go without. With CI=true it may not. */
export function hasBrowser(): boolean {
  const found = existsSync(CHROMIUM);
  if (!found && process.env['CI'] === 'true') throw new Error(`the tests of the page need ${CHROMIUM}`);
  if (!found) process.stderr.write(`tests of the page skipped: there is no ${CHROMIUM}\n`);
  return found;
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: QUIET });
}

export interface Look {
  readonly width: 1280 | 400;
  readonly colorScheme: 'light' | 'dark';
}

/** A page that keeps what the browser complains about: errors, refusals of the content policy, requests elsewhere. */
export async function openPage(
  browser: Browser,
  url: string,
  { width, colorScheme }: Look = { width: 1280, colorScheme: 'light' },
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    colorScheme,
    // Proxies of tests make their own authority.
    ignoreHTTPSErrors: true,
    viewport: { width, height: 900 },
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', error => complaints.push(error.message));
  page.on('dialog', dialog => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', request => {
    if (!request.url().startsWith(new URL(url).origin)) complaints.push(`elsewhere: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** With UPDATE_DOCS=1, what the page looks like now becomes the picture of that name in the docs. */
export async function pictureForDocs(page: Page, name: string): Promise<void> {
  if (process.env['UPDATE_DOCS'] !== '1') return;
  const path = fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));
  await page.screenshot({ path });
}
