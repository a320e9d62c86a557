import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { listen } from '../../src/listen.ts';
import type { FeedMessage } from '../../src/live/feed-message.ts';
import { type Mirror, mirrored } from '../../src/live/feed-mirror.ts';
import type { SessionView } from '../../src/session/view.ts';
import { startAdmin } from '../src/admin/admin.ts';
import { ended, session } from '../src/live/sessions.ts';
import { hasBrowser, openPage, startBrowser } from '../support/browser.ts';
import { ExecClient } from '../support/exec-client.ts';
import type { ProxyProcess } from '../support/process-group.ts';
import { RecorderProcess, startProxyProcess, TOKENS } from '../support/process-group.ts';
import { until } from '../support/try-cluster.ts';

const PAGE = fileURLToPath(new URL('../../dist/live/', import.meta.url));
const VIEWERS = 200;
const CHURN = 1_000;

/** A road to a port that can be cut. */
async function cuttable(port: number): Promise<{ port: number; cut: () => void; close: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer(client => {
    const upstream = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const bound = await listen(server, '127.0.0.1', 0);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: bound.port,
    cut,
    close: () => {
      server.close();
      cut();
    },
  };
}

describe.skipIf(!hasBrowser())('the page in a browser', () => {
  test('shows what the server has after 5 cuts during 50 changes, without being loaded anew', async () => {
    const { admin, sessions } = await startAdmin({ page: PAGE });
    const road = await cuttable(admin.port);
    const browser = await startBrowser();
    try {
      const { page } = await openPage(browser, `http://127.0.0.1:${road.port}/#/sessions`);
      const wire = page.getByRole('status').filter({ hasText: /^ ?live$/ });
      await wire.waitFor();
      await page.evaluate('window.keptSince = 1');
      for (let n = 0; n < 50; n++) {
        const id = `s${n % 12}`;
        sessions.change(n % 5 === 4 ? ended(id, { pod: `pod-${n}` }) : session(id, { pod: `pod-${n}` }));
        if (n % 10 === 9) {
          road.cut();
          await page.getByRole('status').filter({ hasText: 'connection lost' }).waitFor();
          await wire.waitFor();
        }
      }
      sessions.change(session('last', { pod: 'pod-last' }));
      await page.getByRole('table').getByText('pod-last').waitFor();
      const shown = await page.locator('tbody td[data-label="Pod"] bdi:nth-child(2)').allTextContents();
      expect(shown.sort()).toEqual(
        sessions
          .list()
          .map(({ pod }) => pod)
          .sort(),
      );
      expect(await page.evaluate('window.keptSince')).toBe(1);
    } finally {
      await browser.close();
      road.close();
      await admin.close();
    }
  });
});

/** A page's connection that only counts, or one that keeps the mirror. */
class Follower {
  mirror: Mirror | undefined;
  closed = false;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket, keeps: boolean) {
    this.#socket = socket;
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('message', data => {
      // Of the program under test; a gap in it fails the comparison below.
      if (keeps) this.mirror = mirrored(this.mirror, JSON.parse(String(data)) as FeedMessage);
    });
  }

  static async open(admin: string, keeps: boolean): Promise<Follower> {
    const socket = new WebSocket(`${admin.replace('http', 'ws')}/api/v1/feed`, { origin: admin });
    const follower = new Follower(socket, keeps);
    await once(socket, 'open');
    return follower;
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** A session that is refused for want of a recorder. */
async function refused(proxy: ProxyProcess): Promise<void> {
  const url = `${proxy.url.replace('https:', 'wss:')}/api/v1/namespaces/default/pods/shell/exec?command=true&stdout=true`;
  const socket = new WebSocket(url, 'v5.channel.k8s.io', {
    ca: proxy.caPem,
    headers: { authorization: 'Bearer token-of-eve' },
  });
  const [error] = await once(socket, 'error');
  expect(String(error)).toContain('Unexpected server response');
}

test(`${VIEWERS} viewers and ${CHURN} sessions that come and go leave a session as it is`, {
  timeout: 240_000,
}, async () => {
  const recorder = await RecorderProcess.start(join(mkdtempSync(join(tmpdir(), 'kubewitness-feed-')), 'rec'));
  const proxy = await startProxyProcess([recorder.address], {
    identity: {
      static: [
        { user: 'bob', token: TOKENS.closed },
        { user: 'eve', token: 'token-of-eve' },
      ],
    },
    grants: [
      { subjects: [{ user: 'bob' }], recorderAddrs: [recorder.address], enforceRecorder: true },
      { subjects: [{ user: 'eve' }], recorderAddrs: ['127.0.0.1:1'], enforceRecorder: true },
    ],
    log: { level: 'silent' },
  });
  const followers: Follower[] = [];
  try {
    for (let n = 0; n < VIEWERS; n++) followers.push(await Follower.open(proxy.admin, n < 3));
    const steady = await ExecClient.open(proxy, TOKENS.closed, ['cat']);
    let typed = '';
    for (let n = 0; n < CHURN; n += 10) {
      const line = `line ${n}\n`;
      steady.type(line);
      typed += line;
      await Promise.all(Array.from({ length: 10 }, () => refused(proxy)));
    }
    await until(() => steady.stdout.length >= typed.length);
    expect(steady.stdout).toBe(typed);
    await steady.finish();
    expect(steady.status).toContain('Success');
    const listed = async (): Promise<readonly SessionView[]> =>
      ((await (await fetch(`${proxy.admin}/api/v1/sessions`)).json()) as { items: SessionView[] }).items;
    await until(async () => (await listed()).every(({ state }) => state === 'closed'));
    const sessions = await listed();
    expect(sessions.find(({ caller }) => caller.user === 'bob')?.outcome).toBe('recorded');
    // Whoever reads keeps up, and has what the server has.
    expect(followers.filter(({ closed }) => closed)).toEqual([]);
    const ids = sessions.map(({ id }) => id).sort();
    for (const follower of followers.slice(0, 3)) {
      // The last changes are gathered for a moment before they are told.
      await until(() => ids.every(id => follower.mirror?.sessions.get(id)?.outcome !== undefined));
      const has = [...(follower.mirror?.sessions.values() ?? [])].filter(({ state }) => state === 'closed');
      expect(has.length).toBeGreaterThanOrEqual(ids.length);
    }
  } finally {
    for (const follower of followers) follower.close();
    await proxy.stop();
    await recorder.kill();
  }
});
