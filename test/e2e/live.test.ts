import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminServer } from '../../src/admin/server.ts';
import { startAdminServer } from '../../src/admin/server.ts';
import type { AuditEvent } from '../../src/audit/record.ts';
import { createLogger } from '../../src/log.ts';
import { headerLine, outputLine } from '../../src/recording/cast.ts';
import { LiveCast, LiveCastRoom } from '../../src/recording/live-cast.ts';
import { PEOPLE } from '../src/admin/admin.ts';
import { FakeSessions, session } from '../src/live/sessions.ts';
import { SUBJECT } from '../src/recording/subject.ts';
import { accessibilityProblems } from '../support/axe.ts';
import { hasBrowser, openPage, pictureForDocs, startBrowser } from '../support/browser.ts';
import { SecondProxy } from '../support/second-proxy.ts';
import { TryCluster, until } from '../support/try-cluster.ts';

const PAGE = fileURLToPath(new URL('../../dist/live/', import.meta.url));
const ID = '0b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11';
const EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>';

const LOOKS = [
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
  { width: 400, colorScheme: 'light' },
  { width: 400, colorScheme: 'dark' },
] as const;

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.keyboard.press('Enter');
}

/** The rows of the terminal, without the padding of their ends. */
async function screen(page: Page): Promise<string[]> {
  const rows = await page.locator('[data-live] .ap-line').allTextContents();
  return rows.map(row => row.replace(/[ \u00a0]+$/, ''));
}

async function shows(page: Page, ...lines: readonly string[]): Promise<void> {
  await until(async () => {
    const rows = await screen(page);
    // A prompt can stand before what was echoed.
    return lines.every(line => rows.some(row => row.endsWith(line)));
  });
}

describe.skipIf(!hasBrowser())('the page by role', () => {
  let browser: Browser;
  let admin: AdminServer;
  let sessions: FakeSessions;
  let cast: LiveCast;
  const events: AuditEvent[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
    sessions = new FakeSessions();
    sessions.change(
      session(ID, {
        command: ['echo', EVIL, 'a\u202Eb', '\u001b]0;x\u0007', '\n{"level":60}'],
        pod: EVIL,
        caller: { user: EVIL, groups: [EVIL], source: 'static' },
      }),
    );
    cast = new LiveCast(new LiveCastRoom());
    sessions.casts.set(ID, cast);
    cast.header(headerLine(SUBJECT, { cols: 60, rows: 10 }, 0));
    cast.event(outputLine(1, `${EVIL}\r\n\u001b]0;<b>title</b>\u0007\u202Etxt\r\n`));
    admin = await startAdminServer({
      address: '127.0.0.1',
      port: 0,
      access: PEOPLE,
      audit: { write: event => events.push(event), close: () => {} },
      mayBegin: () => true,
      sessions,
      recordings: { list: async () => [], open: async () => undefined },
      page: PAGE,
      log: createLogger('silent'),
    });
  });

  afterAll(async () => {
    await browser?.close();
    await admin?.close();
  });

  const url = (hash: string): string => `http://127.0.0.1:${admin.port}/${hash}`;

  async function openAs(user: string, hash: string, look?: (typeof LOOKS)[number]) {
    const opened = await openPage(browser, url(hash), look);
    await signIn(opened.page, user);
    await opened.page.getByRole('status').filter({ hasText: 'live' }).waitFor();
    return opened;
  }

  /** Asks the API out of the page, as a script in it would. */
  function asked(page: Page, method: string, path: string): Promise<unknown> {
    return page.evaluate(
      async ([how, where]) => {
        const answer = await fetch(where, { method: how, headers: { 'x-requested-by': 'kubewitness' } });
        return answer.json();
      },
      [method, path] as const,
    );
  }

  test('nobody sees anything before they sign in, and a wrong token changes nothing', async () => {
    const { page } = await openPage(browser, url(`#/sessions/${ID}`));
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.locator('main').textContent()).not.toContain('echo');
    await signIn(page, 'made-up');
    await page.getByRole('alert').filter({ hasText: 'The bearer token is not known' }).waitFor();
    await signIn(page, 'nina');
    await page.getByRole('alert').filter({ hasText: 'no role here' }).waitFor();
    expect(await page.evaluate('document.cookie + location.href + JSON.stringify(localStorage)')).not.toMatch(
      /nina|made-up|kubewitness=/,
    );
    await page.context().close();
  });

  test('a viewer sees the session, has no button to stop or to watch it, and the API refuses both', async () => {
    const { page } = await openAs('vera', `#/sessions/${ID}`);
    await page.getByText('takes the role auditor').waitFor();
    expect(await page.getByRole('button', { name: /Stop|Watch/ }).count()).toBe(0);
    expect(await asked(page, 'POST', `/api/v1/sessions/${ID}/stop`)).toMatchObject({
      status: 'Failure',
      kind: 'Status',
      code: 403,
      reason: 'Forbidden',
      message: 'vera does not have the role operator, which this takes',
    });
    expect(await asked(page, 'GET', '/api/v1/recordings')).toMatchObject({ kind: 'Status', code: 403 });
    expect(sessions.stopped).toEqual([]);
    await page.context().close();
  });

  test('who signs out sees nothing any more', async () => {
    const { page } = await openAs('vera', '#/sessions');
    await page.locator('tbody tr').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.locator('tbody tr').count()).toBe(0);
    expect(await asked(page, 'GET', '/api/v1/sessions')).toMatchObject({ code: 401 });
    await page.context().close();
  });

  test('an auditor watches, and what the terminal shows is only text B106', async () => {
    const { page, complaints } = await openAs('axel', `#/sessions/${ID}`);
    expect(await page.getByRole('button', { name: 'Stop' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Watch' }).click();
    await until(async () => (await screen(page)).join('').includes('onerror=alert(1)'));
    cast.event(outputLine(2, '<b>more</b>'));
    await shows(page, '<b>more</b>');
    expect(await page.locator('main img, main script, [data-live] b').count()).toBe(0);
    expect(await page.title()).toBe('kubewitness');
    expect(complaints).toEqual([]);
    expect(events.filter(({ type }) => type === 'recording.viewed')).toEqual([
      expect.objectContaining({
        subject: expect.objectContaining({ user: 'axel' }),
        how: 'live',
        sessionId: ID,
      }),
    ]);
    await page.goto(url('#/sessions'));
    await until(() => cast.listenerCount('line') === 0);
    await page.context().close();
  });

  test('a spectator who comes late to a long session is told that its beginning is missing', async () => {
    for (let at = 0; at < 10_000; at++) cast.event(outputLine(3 + at / 1000, `line ${at}\r\n`));
    const { page } = await openAs('axel', `#/sessions/${ID}`);
    await page.getByRole('button', { name: 'Watch' }).click();
    await page.getByRole('status').filter({ hasText: 'the beginning of the session is not shown' }).waitFor();
    await shows(page, 'line 9998', 'line 9999');
    await page.context().close();
  });

  test.each(LOOKS)(
    'sign-in, live view and dialog fit $width px, $colorScheme, and axe has nothing to say',
    async look => {
      const { page, complaints } = await openPage(browser, url(`#/sessions/${ID}`), look);
      const fine = async (what: string): Promise<void> => {
        expect([what, await page.evaluate('document.documentElement.scrollWidth - innerWidth')]).toEqual([
          what,
          0,
        ]);
        expect([what, await accessibilityProblems(page)]).toEqual([what, []]);
      };
      await page.getByLabel('Token').waitFor();
      await fine('sign-in');
      await signIn(page, 'axel');
      await page.getByRole('button', { name: 'Watch' }).click();
      await page.locator('[data-live] .ap-term').waitFor();
      await fine('watching');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await signIn(page, 'olga');
      await page.getByRole('button', { name: 'Stop the session' }).click();
      await page.getByRole('dialog').waitFor();
      await fine('dialog');
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );

  test('an operator stops by keyboard, after being asked, and can think better of it', async () => {
    const { page, complaints } = await openAs('olga', `#/sessions/${ID}`);
    const button = page.getByRole('button', { name: 'Stop the session' });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await button.evaluate(element => element.matches(':focus'))).toBe(true);
    expect(sessions.stopped).toEqual([]);
    await page.keyboard.press('Enter');
    await page.getByLabel('Reason').fill(EVIL);
    await page.keyboard.press('Enter');
    await until(() => sessions.stopped.length === 1);
    await page.locator('.cause', { hasText: 'stopped by olga' }).waitFor();
    await button.waitFor({ state: 'detached' });
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

const ADMIN = { address: '127.0.0.1', port: 0, tls: { cert: 'tls.crt', key: 'tls.key' }, local: [] };

describe.skipIf(!hasBrowser())('a real session, watched and stopped', () => {
  let cluster: TryCluster;
  let proxy: SecondProxy;
  let browser: Browser;

  beforeAll(async () => {
    cluster = await TryCluster.start();
    proxy = await SecondProxy.start(cluster, {
      admin: { ...ADMIN, roles: { auditor: [{ user: 'ann' }], operator: [{ group: 'closed-*' }] } },
    });
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await proxy?.stop();
    await cluster?.stop();
  });

  test('who comes late sees its screen; it ends by word of an operator, and kubectl says so', async () => {
    const kubectl = await cluster.terminal(
      ['--kubeconfig', proxy.kubeconfig, 'exec', '-it', 'shell', '--', 'sh'],
      { version: '1.36' },
    );
    let said = '';
    kubectl.stdout?.on('data', chunk => {
      said += String(chunk);
    });
    kubectl.stdin?.write('echo be""fore\n');
    await until(() => said.includes('before'));

    const { page, complaints } = await openPage(browser, proxy.admin);
    await signIn(page, proxy.tokens['ann'] ?? '');
    await page.getByRole('link', { name: /^streaming, recording: 1/ }).click();
    await page.getByRole('link', { name: 'sh', exact: true }).click();
    await page.getByRole('button', { name: 'Watch' }).click();
    await shows(page, 'before');
    kubectl.stdin?.write('echo af""ter\n');
    await shows(page, 'before', 'after');
    await page.locator('[data-live]').scrollIntoViewIfNeeded();
    await pictureForDocs(page, 'watching');
    await page.getByRole('button', { name: 'Sign out' }).click();

    await signIn(page, proxy.tokens['bob'] ?? '');
    await page.getByRole('button', { name: 'Stop the session' }).click();
    await page.getByLabel('Reason').fill('wrong cluster');
    await pictureForDocs(page, 'stopping');
    await page.getByRole('button', { name: 'Stop it' }).click();
    const [code] = await once(kubectl, 'close');
    expect([code === 0, said]).toEqual([
      false,
      expect.stringContaining('the session was stopped by bob: wrong cluster (session '),
    ]);
    await page.locator('.verdict', { hasText: 'stopped' }).waitFor();
    expect(complaints).toEqual([]);

    const user = (name: string) => expect.objectContaining({ name, source: 'static' });
    const [ended] = proxy.auditLines('session.ended');
    const sessionId = ended?.['sessionId'];
    expect(ended).toMatchObject({
      outcome: 'stopped',
      cause: { code: 'KW_STOPPED', message: 'the session was stopped by bob: wrong cluster' },
    });
    expect(proxy.auditLines('recording.viewed')).toEqual([
      expect.objectContaining({ user: user('ann'), sessionId, how: 'live' }),
    ]);
    expect(proxy.auditLines('session.stopped')).toEqual([
      expect.objectContaining({ user: user('bob'), sessionId, reason: 'wrong cluster' }),
    ]);
    const cast = await cluster.castOf(String(sessionId));
    expect(cast.text).toContain('after');
  });

  test.each(['1.29', '1.36'] as const)(
    'kubectl %s exits with an error when its session is stopped',
    async version => {
      const kubectl = await cluster.spawnKubectl(
        ['--kubeconfig', proxy.kubeconfig, 'exec', '-i', 'shell', '--', 'cat'],
        { version },
      );
      let said = '';
      for (const stream of [kubectl.stdout, kubectl.stderr]) {
        stream?.on('data', chunk => {
          said += String(chunk);
        });
      }
      kubectl.stdin?.write(`marker ${version}\n`);
      await until(() => said.includes(`marker ${version}`));
      const live = proxy.auditLines('session.started').at(-1);
      const answer = await proxy.ask('POST', `/api/v1/sessions/${live?.['sessionId']}/stop`, 'bob');
      expect(answer).toBe(202);
      const [code] = await once(kubectl, 'close');
      expect([code === 0, said]).toEqual([
        false,
        expect.stringContaining(`the session was stopped by bob (session ${live?.['sessionId']})`),
      ]);
    },
  );

  test('an auditor cannot stop, an operator cannot play, and nobody else gets in', async () => {
    const statuses = [
      await proxy.ask('POST', '/api/v1/sessions/0b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11/stop', 'ann'),
      await proxy.ask('POST', '/api/v1/sessions/0b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11/stop', 'bob'),
      await proxy.ask('GET', '/api/v1/sessions', 'ann'),
      await proxy.ask('GET', '/api/v1/sessions', undefined),
      await proxy.ask('GET', '/readyz', undefined),
    ];
    expect(statuses).toEqual([403, 404, 200, 401, 200]);
  });

  test('a role that is taken away is gone with the reload, in what is open too', async () => {
    const { page } = await openPage(browser, proxy.admin);
    await signIn(page, proxy.tokens['ann'] ?? '');
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
    await proxy.reload({ admin: { ...ADMIN, roles: { viewer: [{ user: 'bob' }] } } });
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(proxy.auditLines('config.changed').at(-1)).toMatchObject({
      outcome: 'applied',
      sections: ['admin'],
    });
    const path = '/api/v1/sessions';
    expect([await proxy.ask('GET', path, 'ann'), await proxy.ask('GET', path, 'bob')]).toEqual([403, 200]);
  });
});
