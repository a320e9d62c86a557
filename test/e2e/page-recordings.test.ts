import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newRecordingId, storedName } from '../../src/recorder/recording-id.ts';
import { hasBrowser, openPage, startBrowser } from '../support/browser.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess } from '../support/process-group.ts';

/** More than a page of a search has. */
const RECORDINGS = 105;
const DAY_MS = 24 * 3_600_000;
const START = new Date(2026, 0, 1, 12).getTime();

/** One a day, the first by bob, as a recorder leaves them that was killed; the next one files them. */
function leaveRecordings(folder: string): string[] {
  mkdirSync(folder);
  return Array.from({ length: RECORDINGS }, (_, day) => {
    const id = newRecordingId(START + day * DAY_MS);
    const header = {
      version: 2,
      width: 80,
      height: 24,
      timestamp: START / 1000,
      command: `psql day-${day}.`,
      kubernetes: { PodName: `pod-${day % 2}`, Namespace: 'default' },
      kubewitness: { user: day === 0 ? 'bob' : 'ann' },
    };
    const cast = `${JSON.stringify(header)}\n[0.1,"o","words of day ${day}\\r\\n"]\n`;
    writeFileSync(join(folder, storedName(id, '.cast.part')), cast);
    return id;
  });
}

describe.skipIf(!hasBrowser())('recordings of a recorder of its own', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-recordings-'));
  let ids: string[];
  let recorder: RecorderProcess;
  let proxy: ProxyProcess;
  let browser: Browser;

  beforeAll(async () => {
    ids = leaveRecordings(join(dir, 'recordings'));
    recorder = await RecorderProcess.start(join(dir, 'recordings'));
    const place = { url: `http://${recorder.address}` };
    proxy = await startProxyProcess([recorder.address], {
      admin: { address: '127.0.0.1', port: 0, local: ['auditor'], recordings: place },
    });
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await proxy?.stop();
    await recorder?.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  test('are searched there, by user, pod, command and day, and the search is a link', async () => {
    const { page, complaints } = await openPage(browser, `${proxy.admin}/#/recordings`);
    await page.getByText('100 recordings, and there may be older ones').waitFor();
    await page.getByLabel('user').fill('bob');
    await page.keyboard.press('Enter');
    // The oldest of all: no page that was loaded has it.
    await page.getByRole('link', { name: 'psql day-0.' }).waitFor();
    await page.getByText('1 recording', { exact: true }).waitFor();
    expect(new URL(page.url()).hash).toBe('#/recordings?user=bob');

    const { page: other } = await openPage(
      browser,
      `${proxy.admin}/#/recordings?pod=pod-1&command=DAY-1&from=2026-01-02&to=2026-01-14`,
    );
    await other.getByText('3 recordings', { exact: true }).waitFor();
    expect(await other.locator('tbody .command').allTextContents()).toEqual([
      'psql day-13.',
      'psql day-11.',
      'psql day-1.',
    ]);
    await other.getByLabel('namespace').fill('elsewhere');
    await other.getByRole('button', { name: 'Search' }).click();
    await other.getByText(/^No recording matches\./).waitFor();
    expect(complaints).toEqual([]);
  });

  test('come page by page, and one of any age is played', async () => {
    const { page, complaints } = await openPage(browser, `${proxy.admin}/#/recordings`);
    await page.getByRole('button', { name: 'Look for older ones' }).click();
    await page.getByText(`${RECORDINGS} recordings`, { exact: true }).waitFor();
    expect(await page.locator('tbody tr').count()).toBe(RECORDINGS);
    await page.goto(`${proxy.admin}/#/recordings/${ids[0]}`);
    await page.locator('.verdict', { hasText: 'bob' }).waitFor();
    await page.locator('.ap-player', { hasText: 'words of day 0' }).first().waitFor();
    expect(complaints).toEqual([]);
  });
});
