import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AdminServer } from '../../../src/admin/server.ts';
import { Connection, type ConnectionState } from '../../../src/live/page/connection.ts';
import { ended, type FakeSessions, session } from '../live/sessions.ts';
import { startAdmin } from './admin.ts';

let admin: AdminServer;
let sessions: FakeSessions;

beforeEach(async () => {
  ({ admin, sessions } = await startAdmin());
});

afterEach(() => admin.close());

function connect(path: string, headers: Readonly<Record<string, string>>): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${admin.port}${path}`, { headers });
}

/** The page's own connection, over a real socket, with retries that do not wait. */
class Page {
  state: ConnectionState | undefined;
  connections = 0;
  #socket: WebSocket | undefined;
  #told = (): void => {};
  readonly connection = new Connection({
    open: listener => {
      const socket = connect('/api/v1/feed', { origin: `http://127.0.0.1:${admin.port}` });
      this.#socket = socket;
      this.connections++;
      socket.on('message', data => listener.message(String(data)));
      socket.on('error', () => socket.terminate());
      socket.on('close', () => listener.closed());
      return { close: () => socket.terminate() };
    },
    changed: state => {
      this.state = state;
      this.#told();
    },
    now: () => 0,
    after: (ms, run) => {
      if (ms >= 30_000) return () => {};
      const soon = setImmediate(run);
      return () => clearImmediate(soon);
    },
  });

  cut(): void {
    this.#socket?.terminate();
  }

  async until(holds: (state: ConnectionState) => boolean): Promise<void> {
    while (this.state === undefined || !holds(this.state)) {
      await new Promise<void>(resolve => {
        this.#told = resolve;
      });
    }
  }
}

describe('feed over a real socket', () => {
  test('after 5 cuts during 50 changes the page has what the server has', async () => {
    const page = new Page();
    page.connection.start();
    await page.until(({ status }) => status === 'live');
    for (let n = 0; n < 50; n++) {
      sessions.change(n % 7 === 6 ? ended(`s${n % 10}`) : session(`s${n % 10}`, { pod: `pod-${n}` }));
      if (n % 10 === 9) {
        page.cut();
        await page.until(({ status }) => status === 'lost');
        await page.until(({ status }) => status === 'live');
      }
    }
    sessions.change(session('last'));
    await page.until(({ mirror }) => mirror?.sessions.has('last') === true);
    expect(page.connections).toBe(6);
    expect([...(page.state?.mirror?.sessions.values() ?? [])]).toEqual(sessions.list());
    page.connection.stop();
  });

  test.each([
    ['another origin', '/api/v1/feed', { origin: 'http://evil.example' }, 403],
    ['no origin', '/api/v1/feed', {}, 403],
    ['a rebound name', '/api/v1/feed', { origin: 'http://evil.example', host: 'evil.example' }, 421],
    ['another path', '/api/v1/sessions', {}, 404],
  ])('%s is refused', async (_name, path, headers: Readonly<Record<string, string>>, status) => {
    const socket = connect(path, headers);
    const [, response] = await once(socket, 'unexpected-response');
    socket.on('error', () => {});
    socket.terminate();
    expect(response.statusCode).toBe(status);
  });

  test('closing the server closes the feed', async () => {
    const socket = connect('/api/v1/feed', { origin: `http://127.0.0.1:${admin.port}` });
    await once(socket, 'message');
    const closed = once(socket, 'close');
    await admin.close();
    await closed;
    expect(sessions.watchers).toBe(0);
  });
});
