import type { ChildProcess } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, openPage, startBrowser } from '../support/browser.ts';
import { reader, TryCluster } from '../support/try-cluster.ts';

describe.skipIf(!hasBrowser())('the strip of try', () => {
  let cluster: TryCluster;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    cluster = await TryCluster.start();
    browser = await startBrowser();
    ({ page, complaints } = await openPage(browser, cluster.ready.admin));
    await page.getByText('recorder running').waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await cluster?.stop();
  });

  async function cat(context: 'open' | 'closed'): Promise<ChildProcess> {
    const child = await cluster.spawnKubectl(['exec', '-i', 'shell', '--', 'cat'], {
      version: '1.36',
      context,
    });
    const { seen } = reader(child);
    child.stdin?.write('ready\n');
    await seen('ready');
    return child;
  }

  test('stop: one session goes on unrecorded, the other ends; restart: it is recorded again', async () => {
    const open = await cat('open');
    const closed = await cat('closed');
    await page.getByRole('link', { name: /^streaming, recording: 2/ }).waitFor();
    await page.getByRole('button', { name: 'Stop it' }).click();
    await page.getByText('recorder stopped').waitFor();
    await page.getByRole('link', { name: /^failingOpen, UNRECORDED: 1/ }).waitFor();
    await page.getByRole('link', { name: /^closed, over: 1/ }).waitFor();
    expect(closed.exitCode ?? (await new Promise(resolve => closed.once('exit', resolve)))).not.toBe(0);

    await page.getByRole('button', { name: 'Restart it' }).click();
    await page.getByText('recorder running').waitFor();
    await page.getByRole('link', { name: /^streaming, recording: 1/ }).waitFor();
    open.stdin?.end();
    await page.getByRole('link', { name: /^closed, over: 2/ }).waitFor();
    await page
      .getByRole('link', { name: /unrecorded ann/ })
      .first()
      .waitFor();
  });

  test('says, with commands to copy, how to see both', async () => {
    const { page: fresh } = await openPage(browser, cluster.ready.admin);
    await fresh.getByText('See it fail open and fail closed, in a minute').click();
    const commands = await fresh.locator('.sandbox .copy code').allTextContents();
    const kubectl = `kubectl --kubeconfig ${cluster.ready.kubeconfig}`;
    expect(commands).toEqual(
      ['open', 'closed'].map(context => `${kubectl} --context ${context} exec -it shell -- sh`),
    );
    for (const command of commands) await fresh.getByText(command, { exact: true }).waitFor();
  });

  test('slow: what writes much under open outruns the recorder, and has a gap', async () => {
    await page.getByRole('button', { name: 'Slow it down' }).click();
    await page.getByText('recorder slow').waitFor();
    const { code } = await cluster.kubectl(
      ['exec', 'shell', '--', 'sh', '-c', ': outruns; head -c 60000000 /dev/zero | tr "\\0" "a"'],
      { version: '1.36', context: 'open' },
    );
    expect(code).toBe(0);
    expect((await cluster.ended('outruns')).outcome).toBe('unrecorded');
    await page.getByRole('button', { name: 'Restart it' }).click();
    await page.getByText('recorder running').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a page of another site cannot press a button', async () => {
    for (const headers of [{}, { origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      const answer = await fetch(`${cluster.ready.admin}/api/v1/sandbox/recorder/stop`, {
        method: 'POST',
        headers: { 'x-requested-by': Object.keys(headers).length === 0 ? '' : 'kubewitness', ...headers },
      });
      expect([headers, answer.status]).toEqual([headers, 403]);
    }
  });
});
