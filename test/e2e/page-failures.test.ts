import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminServer } from '../../src/admin/server.ts';
import type { Unrecorded } from '../../src/live/unrecorded.ts';
import { startAdmin } from '../src/admin/admin.ts';
import { type FakeSessions, session } from '../src/live/sessions.ts';
import { unrecorded } from '../src/live/unrecorded-samples.ts';
import { hasBrowser, openPage, startBrowser } from '../support/browser.ts';
import { TryCluster } from '../support/try-cluster.ts';

const PAGE = fileURLToPath(new URL('../../dist/live/', import.meta.url));
const DAY_MS = 24 * 3_600_000;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

describe.skipIf(!hasBrowser())('the view of what was not recorded', () => {
  let browser: Browser;
  let admin: AdminServer;
  let items: Unrecorded[];
  let sessions: FakeSessions;

  beforeAll(async () => {
    browser = await startBrowser();
    items = [
      unrecorded({ sessionId: 'a', at: ago(0), command: ['psql'] }),
      unrecorded({ sessionId: 'b', at: ago(0), user: 'bob', action: 'denied', recorder: 'other:80' }),
      unrecorded({ sessionId: 'c', at: ago(0), phase: 'stream', action: 'handedOver', recovered: true }),
      unrecorded({ sessionId: 'd', at: ago(3 * DAY_MS), phase: 'ack', kind: 'ackLate' }),
    ];
    ({ admin, sessions } = await startAdmin({
      history: { unrecorded: async () => items, history: async () => undefined },
      page: PAGE,
    }));
  });

  afterAll(async () => {
    await browser?.close();
    await admin?.close();
  });

  const url = (hash: string): string => `http://127.0.0.1:${admin.port}/${hash}`;

  test('says how many sessions are in no recording today, and why', async () => {
    const { page, complaints } = await openPage(browser, url('#/failures'));
    await page.getByText('Today 2 sessions are, wholly or in part, in no recording:').waitFor();
    expect(await page.locator('.reasons li').allTextContents()).toEqual([
      '1 no recorder accepted the recording',
      '1 no recorder accepted the recording',
    ]);
    expect(await page.locator('.bars figure').count()).toBe(2);
    await page.getByText('phase connect · kind refused · recorder other:80').waitFor();
    await page.getByRole('link', { name: /psql/ }).click();
    await page.waitForURL(/#\/sessions\/a$/);
    await page.getByText("neither listed nor in this proxy's audit").waitFor();
    expect(complaints).toEqual([]);
  });

  test('time and grouping stand in the address, and the numbers say what the bars show', async () => {
    const { page } = await openPage(browser, url('#/failures'));
    await page.getByRole('link', { name: '7 days' }).click();
    await page.getByRole('link', { name: 'kind', exact: true }).click();
    await page.waitForURL(/#\/failures\?span=7d&by=kind$/);
    await page.getByText('In the last 7 days 3 sessions').waitFor();
    await page.getByRole('img', { name: /^kind ackLate: 1 in 7 days/ }).waitFor();
    await page.getByText('The same in numbers').click();
    expect(await page.locator('.numbers tbody tr').count()).toBe(2);
    await page.getByRole('link', { name: 'ackLate', exact: true }).click();
    await page.waitForURL(/only=ackLate$/);
    await page.getByText('In the last 7 days 1 session is').waitFor();
  });

  test('follows what happens while it is open', async () => {
    const { page } = await openPage(browser, url('#/failures'));
    await page.getByText('Today 2 sessions').waitFor();
    items.push(unrecorded({ sessionId: 'e', at: ago(0) }));
    // Any change of a session is the sign that there may be more.
    sessions.change(session('e'));
    await page.getByText('Today 3 sessions').waitFor();
  });
});

describe.skipIf(!hasBrowser())('a recorder that is gone', () => {
  test('can be told from the page alone, also once the sessions are no longer listed', async () => {
    const cluster = await TryCluster.start();
    const browser = await startBrowser();
    try {
      process.kill(cluster.ready.recorderPid, 'SIGKILL');
      const open = await cluster.kubectl(['exec', 'shell', '--', 'echo', 'kept'], {
        version: '1.36',
        context: 'open',
      });
      const closed = await cluster.kubectl(['exec', 'shell', '--', 'echo', 'never'], { version: '1.36' });
      expect([open.code, closed.code]).toEqual([0, 1]);
      const { page, complaints } = await openPage(browser, `${cluster.ready.admin}/#/failures`);
      // A refused kubectl comes a second time, over SPDY.
      await page.getByText('Today 3 sessions are, wholly or in part, in no recording:').waitFor();
      await page.getByRole('link', { name: /unrecorded ann in default\/shell echo kept/ }).waitFor();
      await page
        .getByRole('link', { name: /refused bob in default\/shell echo never/ })
        .first()
        .click();
      await page.locator('.verdict', { hasText: 'refused' }).waitFor();
      await page.getByText('The rules wanted it to be recorded, failing closed.').waitFor();
      await page.locator('.attempts', { hasText: cluster.ready.recorder }).first().waitFor();
      await page.getByText(/^Audit records \(\d+\)$/).click();
      await page.locator('.records', { hasText: 'recording.failed' }).waitFor();
      // A second proxy's page of the same audit would list none of them: this is what it has to go by.
      for (const { id, transitions } of await cluster.sessions()) {
        const answer = await fetch(`${cluster.ready.admin}/api/v1/sessions/${id}/audit`);
        const way = transitions.map(({ state, event }) => ({ state, event }));
        expect(await answer.json()).toMatchObject({ session: { id, state: 'closed', transitions: way } });
      }
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      await cluster.stop();
    }
  });
});
