import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SessionView } from '../../src/session/view.ts';
import { PostgresServer, postgresBinaries } from '../src/audit/postgres/server.ts';
import { hasBrowser, openPage, startBrowser } from '../support/browser.ts';
import { ExecClient } from '../support/exec-client.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { until } from '../support/try-cluster.ts';

const binaries = postgresBinaries();

describe.skipIf(binaries === undefined || !hasBrowser())('two replicas with one database', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-replicas-'));
  let database: PostgresServer;
  let recorder: RecorderProcess;
  let browser: Browser;
  const proxies: ProxyProcess[] = [];

  beforeAll(async () => {
    database = await PostgresServer.start(binaries ?? '');
    recorder = await RecorderProcess.start(join(dir, 'recordings'));
    browser = await startBrowser();
    writeFileSync(join(dir, 'url'), database.url);
    for (const name of ['one', 'two']) {
      const audit = { postgres: { urlFile: join(dir, 'url'), spool: join(dir, name, 'spool.jsonl') } };
      proxies.push(
        await startProxyProcess([recorder.address], {
          audit,
          admin: { address: '127.0.0.1', port: 0, local: ['auditor', 'operator'] },
        }),
      );
    }
  });

  afterAll(async () => {
    await browser?.close();
    for (const proxy of proxies) await proxy.stop();
    await recorder?.kill();
    await database?.stop();
  });

  async function listed(proxy: ProxyProcess | undefined): Promise<readonly SessionView[]> {
    const answer = await fetch(`${proxy?.admin}/api/v1/sessions`);
    // Of the program under test; what is missing in it fails below.
    return ((await answer.json()) as { items: SessionView[] }).items;
  }

  async function exec(
    proxy: ProxyProcess | undefined,
    word: string,
    token: string = TOKENS.closed,
  ): Promise<ExecClient> {
    if (proxy === undefined) throw new Error('the proxy did not start');
    const client = await ExecClient.open(proxy, token, ['sh', '-c', `echo ${word}; cat`]);
    await client.seen(word);
    return client;
  }

  test('the page of each shows the sessions of both, live and ended, and how those of the other move', async () => {
    const [one, two] = proxies;
    const mine = await exec(one, 'at-one');
    const { page, complaints } = await openPage(browser, `${one?.admin}/`);
    await page.getByRole('link', { name: /^streaming, recording: 1/ }).waitFor();
    const theirs = await exec(two, 'at-two');
    await page.getByRole('link', { name: /^streaming, recording: 2/ }).waitFor();

    await page.getByRole('navigation').getByRole('link', { name: 'Sessions' }).click();
    await page.getByText('2 sessions', { exact: true }).waitFor();
    const names = await page.locator('tbody .replica').allTextContents();
    expect(new Set(names).size).toBe(2);

    await page.getByRole('link', { name: /at-two/ }).click();
    // Only the replica whose session it is can do that.
    const replica = (await listed(two)).find(({ command }) => command.join(' ').includes('at-two'))?.replica;
    await page.getByText(`To be stopped at replica ${replica}`).waitFor();
    await page.getByText(`It runs at replica ${replica}, and can be watched there alone.`).waitFor();
    expect(await page.getByRole('button', { name: /Stop the session|Watch/ }).count()).toBe(0);
    const { page: there } = await openPage(browser, page.url().replace(one?.admin ?? '', two?.admin ?? ''));
    await there.getByRole('button', { name: 'Stop the session' }).waitFor();
    await there.getByRole('button', { name: 'Watch' }).waitFor();
    await theirs.finish();
    await page.locator('.verdict', { hasText: 'recorded' }).waitFor();
    await page.getByText(/^Audit records \(\d+\)$/).waitFor();
    expect(complaints).toEqual([]);

    await mine.finish();
    await until(async () => (await listed(one)).every(({ state }) => state === 'closed'));
    await until(async () => (await listed(two)).every(({ state }) => state === 'closed'));
    const told = async (proxy: ProxyProcess | undefined): Promise<string[]> =>
      (await listed(proxy)).map(({ id, replica, outcome }) => `${id} ${replica} ${outcome}`).sort();
    expect(await told(one)).toEqual(await told(two));
    expect((await told(one)).filter(line => line.endsWith(' recorded'))).toHaveLength(2);
  });

  test('either says what was not recorded at the other', async () => {
    const [one, two] = proxies;
    await recorder.kill();
    const client = await exec(two, 'lost', TOKENS.open);
    await client.finish();
    const { page } = await openPage(browser, `${one?.admin}/#/failures`);
    await page.getByText('Today 1 session is, wholly or in part, in no recording:').waitFor();
    await page
      .getByRole('link', { name: /unrecorded ann in default\/shell sh -c 'echo lost; cat'/ })
      .waitFor();
  });
});
