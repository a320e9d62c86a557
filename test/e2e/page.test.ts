import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminServer } from '../../src/admin/server.ts';
import { startAdminServer } from '../../src/admin/server.ts';
import type { RecordingsReader } from '../../src/live/recordings-reader.ts';
import { createLogger } from '../../src/log.ts';
import { EVERYTHING } from '../src/admin/admin.ts';
import { at, ended, FakeSessions, session } from '../src/live/sessions.ts';
import { hasBrowser, openPage, startBrowser } from '../support/browser.ts';
import { TryCluster, until } from '../support/try-cluster.ts';

const PAGE = fileURLToPath(new URL('../../dist/live/', import.meta.url));
const EVIL = '<img src=x onerror=alert(1)>';
const LEFT = 'a\u202Eexe.txt';

const cast = [
  JSON.stringify({ version: 2, width: 40, height: 10, timestamp: 1 }),
  JSON.stringify([0.1, 'o', 'first words\r\n\u001b]0;<b>title</b>\u0007']),
  JSON.stringify([0.6, 'o', 'last words\r\n']),
  '',
].join('\n');

const recordings: RecordingsReader = {
  list: async () => [
    {
      id: 'rec-1',
      sessionId: 'done',
      receivedAt: at(0),
      bytes: cast.length,
      durationSeconds: 0.6,
      complete: true,
      user: 'ann',
      namespace: 'default',
      pod: EVIL,
      command: EVIL,
    },
  ],
  open: async () => ({ bytes: cast.length, body: Readable.from([cast]) }),
};

const unrecorded = {
  outcome: 'unrecorded',
  transitions: [
    { state: 'deciding', event: 'session.requested', at: at(0) },
    { state: 'connectingRecorders', event: 'decide.done', at: at(5) },
    { state: 'joined.streaming', event: 'connectRecorders.done', at: at(20) },
    { state: 'joined.failingOpen', event: 'handOver.done', at: at(400) },
    { state: 'ending', event: 'upstream.ended', at: at(900) },
    { state: 'closed', event: 'finish.done', at: at(1000) },
  ],
} as const;

describe.skipIf(!hasBrowser())('page', () => {
  let browser: Browser;
  let admin: AdminServer;
  let sessions: FakeSessions;

  beforeAll(async () => {
    browser = await startBrowser();
    sessions = new FakeSessions();
    sessions.change(session('live'));
    sessions.change(session('open', { state: 'joined.failingOpen', command: ['tail', '-f', 'log'] }));
    sessions.change(ended('done', { exitCode: 3, command: ['psql'] }));
    sessions.change(
      ended('lost', {
        ...unrecorded,
        command: [EVIL, LEFT],
        pod: EVIL,
        caller: { user: EVIL, groups: [EVIL], source: 'static' },
      }),
    );
    admin = await startAdminServer({
      address: '127.0.0.1',
      port: 0,
      sessions,
      recordings,
      page: PAGE,
      log: createLogger('silent'),
      access: EVERYTHING,
      audit: { write: () => {}, close: () => {} },
      mayBegin: () => true,
    });
  });

  afterAll(async () => {
    await browser?.close();
    await admin?.close();
  });

  const url = (hash: string): string => `http://127.0.0.1:${admin.port}/${hash}`;

  const VIEWS = [
    '#/',
    '#/sessions',
    '#/sessions/live',
    '#/sessions/lost',
    '#/failures',
    '#/recordings',
    '#/recordings/rec-1',
  ];
  const LOOKS = [
    { width: 1280, colorScheme: 'light' },
    { width: 1280, colorScheme: 'dark' },
    { width: 400, colorScheme: 'light' },
    { width: 400, colorScheme: 'dark' },
  ] as const;

  test.each(LOOKS)(
    'every view fits $width px, $colorScheme, without complaints and without markup from outside B106',
    async look => {
      for (const view of VIEWS) {
        const { page, complaints } = await openPage(browser, url(view), look);
        await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
        await page.locator('main h1').first().waitFor();
        expect([view, await page.evaluate('document.documentElement.scrollWidth - innerWidth')]).toEqual([
          view,
          0,
        ]);
        expect([view, await page.locator('main img, main script, main b >> text=title').count()]).toEqual([
          view,
          0,
        ]);
        expect([view, complaints]).toEqual([view, []]);
        await page.context().close();
      }
    },
  );

  test('untrusted text is shown, as text', async () => {
    const { page } = await openPage(browser, url('#/sessions/lost'));
    await page.getByRole('heading', { level: 1 }).waitFor();
    const title = await page.getByRole('heading', { level: 1 }).textContent();
    expect(title).toBe(`'${EVIL}' 'a⟨202E⟩exe.txt'`);
  });

  test('a token moves when its session changes state, and is the same token', async () => {
    const { page } = await openPage(browser, url('#/'));
    sessions.change(session('mover', { state: 'connectingRecorders' }));
    const token = page.locator('[data-session="mover"]');
    await token.waitFor();
    const before = await placeOf(page, 'mover');
    await token.evaluate(element => element.setAttribute('data-kept', 'yes'));
    sessions.change(session('mover', { state: 'joined.failingOpen' }));
    await until(async () => (await placeOf(page, 'mover')) !== before);
    expect(await token.getAttribute('data-kept')).toBe('yes');
    await page.getByRole('link', { name: /^failingOpen, UNRECORDED: 2/ }).waitFor();
  });

  test('the keyboard reaches the content, a state, and its sessions', async () => {
    const { page } = await openPage(browser, url('#/'));
    const state = page.getByRole('link', { name: /^failingOpen, UNRECORDED/ });
    await state.waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe('To the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await state.focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/#\/sessions\?state=joined\.failingOpen$/);
    await page.getByRole('link', { name: 'tail -f log' }).waitFor();
  });

  test('filters stand in the address, and the address brings them back', async () => {
    const { page } = await openPage(browser, url('#/sessions'));
    await page.getByLabel('outcome').selectOption('recorded');
    await page.getByLabel('text').fill('psql');
    await page.waitForURL(/#\/sessions\?outcome=recorded&text=psql$/);
    const { page: other } = await openPage(browser, page.url());
    await other.getByText('1 session', { exact: true }).waitFor();
    expect(await other.getByLabel('outcome').inputValue()).toBe('recorded');
    expect(await other.locator('tbody tr').count()).toBe(1);
  });

  test('shows the way a session took, and its gap, and goes through it with the arrow keys', async () => {
    const { page } = await openPage(browser, url('#/sessions/lost'));
    const chart = page.locator('.chart');
    await chart.locator('[data-state="closed"].current').waitFor();
    expect(await chart.locator('[data-arrow="joined ending"].taken').count()).toBe(1);
    expect(await chart.locator('[data-state="failingClosed"].untaken').count()).toBe(1);
    expect(await page.locator('.stay.gap').count()).toBe(1);
    await page.getByLabel('Moment of the session').focus();
    await page.keyboard.press('Home');
    await chart.locator('[data-state="deciding"].current').waitFor();
    await page.getByRole('button', { name: '400 ms', exact: true }).click();
    await chart.locator('[data-state="joined.failingOpen"].current').waitFor();
  });

  test('plays a recording, and the scrubber goes with it', async () => {
    const { page, complaints } = await openPage(browser, url('#/sessions/done'));
    await page.locator('.ap-player').first().waitFor();
    await page.locator('.ap-overlay-start').click();
    await page.locator('.ap-player', { hasText: 'last words' }).first().waitFor();
    await page.locator('.ap-player', { hasText: 'first words' }).first().waitFor();
    // At the end of the session it stood at 1000 ms; the cast has 600.
    const moment = page.getByLabel('Moment of the session');
    await until(async () => Number(await moment.inputValue()) < 1000);
    expect(complaints).toEqual([]);
  });

  test('says why sessions were not recorded, by cause', async () => {
    const { page } = await openPage(browser, url('#/failures'));
    await page
      .getByRole('heading', { name: 'the recorder was lost and no other accepted the rest' })
      .waitFor();
    await page.getByText('1 session · recorder: rec:80').waitFor();
    await page.getByRole('link', { name: /unrecorded/ }).click();
    await page.waitForURL(/#\/sessions\/lost$/);
  });
});

describe.skipIf(!hasBrowser())('page of a running try', () => {
  test('a real kubectl session is seen to run and to end', async () => {
    const cluster = await TryCluster.start();
    const browser = await startBrowser();
    try {
      const { page, complaints } = await openPage(browser, cluster.ready.admin);
      const child = await cluster.spawnKubectl(['exec', '-i', 'shell', '--', 'cat'], { version: '1.36' });
      await page.getByRole('link', { name: /^streaming, recording: 1/ }).waitFor();
      child.stdin?.end();
      await page.getByRole('link', { name: /^closed, over: 1/ }).waitFor();
      await page.getByRole('navigation').getByRole('link', { name: 'Sessions' }).click();
      await page.getByRole('link', { name: 'cat', exact: true }).click();
      await page.locator('.verdict', { hasText: 'recorded' }).waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      await cluster.stop();
    }
  });
});

describe('kubewitness machines', () => {
  const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
  const printed = (...args: string[]): string =>
    execFileSync(process.execPath, [main, 'machines', ...args], { encoding: 'utf8' });

  test('prints the picture that stands in the docs', () => {
    const picture = readFileSync(new URL('../../docs/session.svg', import.meta.url), 'utf8');
    expect(printed('--format', 'svg')).toBe(picture);
  });

  test('prints either machine for people and for tools', () => {
    expect(printed()).toContain('connectingRecorders --> streaming');
    expect(printed('recorders', '--format', 'svg')).toContain('>dialling</text>');
    expect(JSON.parse(printed('recorders', '--format', 'json'))).toMatchObject({
      machine: 'recorders',
      states: [{ name: 'choosing' }, { name: 'dialling' }, { name: 'accepted' }, { name: 'exhausted' }],
    });
  });
});

function placeOf(page: Page, id: string): Promise<string> {
  return page.locator(`[data-session="${id}"]`).evaluate(element => element.getAttribute('style') ?? '');
}
