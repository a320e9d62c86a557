import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AdminServer } from '../../../src/admin/server.ts';
import type { AuditEvent } from '../../../src/audit/record.ts';
import { headerLine, outputLine } from '../../../src/recording/cast.ts';
import { LiveCast, LiveCastRoom } from '../../../src/recording/live-cast.ts';
import { type FakeSessions, session } from '../live/sessions.ts';
import { SUBJECT } from '../recording/subject.ts';
import { ask, PEOPLE, startAdmin } from './admin.ts';

const ID = '0b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11';
const WATCH = `/api/v1/sessions/${ID}/watch`;

let admin: AdminServer;
let sessions: FakeSessions;
let events: AuditEvent[];
let cast: LiveCast;

beforeEach(async () => {
  ({ admin, sessions, events } = await startAdmin({ access: PEOPLE }));
  sessions.change(session(ID));
  cast = new LiveCast(new LiveCastRoom());
  sessions.casts.set(ID, cast);
  cast.header(headerLine(SUBJECT, { cols: 80, rows: 24 }, 0));
});

afterEach(() => admin.close());

const origin = (): string => `http://127.0.0.1:${admin.port}`;

function open(path: string, headers: Record<string, string>): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${admin.port}${path}`, ['v1.alis', 'v2.asciicast'], {
    headers,
  });
  socket.on('error', () => {});
  return socket;
}

/** Messages as they come, each waited for. */
async function* messagesOf(socket: WebSocket): AsyncGenerator<unknown> {
  const waiting: unknown[] = [];
  let told = (): void => {};
  socket.on('message', data => {
    waiting.push(JSON.parse(String(data)));
    told();
  });
  for (;;) {
    while (waiting.length > 0) yield waiting.shift();
    await new Promise<void>(resolve => {
      told = resolve;
    });
  }
}

async function refusedWith(path: string, headers: Record<string, string>): Promise<[number, unknown]> {
  const socket = open(path, headers);
  const [, response] = await once(socket, 'unexpected-response');
  response.setEncoding('utf8');
  const [body] = await once(response, 'data');
  socket.terminate();
  return [response.statusCode, (JSON.parse(body) as { reason: unknown }).reason];
}

describe('watching a live session', () => {
  test('an auditor sees what was and what comes, and is in the audit before', async () => {
    cast.event(outputLine(1, '$ '));
    const socket = open(WATCH, { authorization: 'Bearer axel', origin: origin() });
    const messages = messagesOf(socket);
    expect((await messages.next()).value).toEqual({ version: 2, width: 80, height: 24 });
    expect((await messages.next()).value).toEqual([1, 'o', '$ ']);
    expect(socket.protocol).toBe('v2.asciicast');
    cast.event(outputLine(2, 'ls\r\n'));
    expect((await messages.next()).value).toEqual([2, 'o', 'ls\r\n']);
    expect(events).toEqual([
      {
        type: 'recording.viewed',
        subject: { user: 'axel', groups: ['axels'], source: 'static', address: '127.0.0.1' },
        how: 'live',
        sessionId: ID,
      },
    ]);
    const closed = once(socket, 'close');
    cast.end();
    expect((await closed)[0]).toBe(1000);
  });

  test('200 who vanish or stop reading are let go, while the sessions write on, and who reads misses nothing B104', async () => {
    const casts = Array.from({ length: 20 }, (_, at) => {
      const own = new LiveCast(new LiveCastRoom());
      own.header(headerLine(SUBJECT, { cols: 80, rows: 24 }, 0));
      const id = ID.replace(/.{2}$/, String(at).padStart(2, '0'));
      sessions.casts.set(id, own);
      return { id, own };
    });
    const headers = { authorization: 'Bearer axel', origin: origin() };
    const sockets = await Promise.all(
      casts.flatMap(({ id }) =>
        Array.from({ length: 9 }, async (_, at) => {
          const socket = open(`/api/v1/sessions/${id}/watch`, headers);
          await once(socket, 'message');
          if (at % 2 === 0) socket.pause();
          else socket.terminate();
          return socket;
        }),
      ),
    );
    const reader = open(`/api/v1/sessions/${casts[0]?.id}/watch`, headers);
    let heard = 0;
    let told = (): void => {};
    reader.on('message', () => {
      heard++;
      told();
    });
    await once(reader, 'message');
    const line = outputLine(1, 'x'.repeat(60_000));
    let written = 0;
    const watchers = (): number => casts.reduce((sum, { own }) => sum + own.listenerCount('line'), 0);
    while (watchers() > 1) {
      for (const { own } of casts) own.event(line);
      written++;
      while (heard <= written) {
        await new Promise<void>(resolve => {
          told = resolve;
        });
      }
    }
    expect([heard, casts[0]?.own.listenerCount('line')]).toEqual([written + 1, 1]);
    for (const socket of [...sockets, reader]) socket.terminate();
  });

  test('whatever a spectator sends ends it', async () => {
    const socket = open(WATCH, { authorization: 'Bearer axel', origin: origin() });
    await once(socket, 'message');
    socket.send('rm -rf /');
    await once(socket, 'close');
    expect(cast.listenerCount('line')).toBe(0);
  });

  test.each([
    ['nobody', {}, 401, 'Unauthorized'],
    ['a viewer', { authorization: 'Bearer vera' }, 403, 'Forbidden'],
    ['an operator', { authorization: 'Bearer olga' }, 403, 'Forbidden'],
    [
      'a page of another origin',
      { authorization: 'Bearer axel', origin: 'http://evil.example' },
      403,
      'Forbidden',
    ],
  ])('%s may not', async (_name, headers, status, reason) => {
    expect(await refusedWith(WATCH, { origin: origin(), ...headers })).toEqual([status, reason]);
    expect(events.filter(({ type }) => type === 'recording.viewed')).toEqual([]);
    expect(cast.listenerCount('line')).toBe(0);
  });

  test('there is nothing to watch where nothing is recorded', async () => {
    sessions.casts.clear();
    const headers = { authorization: 'Bearer axel', origin: origin() };
    expect(await refusedWith(WATCH, headers)).toEqual([409, 'Conflict']);
    expect(events).toEqual([]);
  });
});

describe('the feed, with roles', () => {
  test.each([
    ['nobody', {}, 401],
    ['somebody without a role', { authorization: 'Bearer nina' }, 403],
  ])('%s gets none', async (_name, headers, status) => {
    const [answered] = await refusedWith('/api/v1/feed', { origin: origin(), ...headers });
    expect(answered).toBe(status);
  });

  test('goes by the sign-in, and ends with it', async () => {
    const writes = { 'x-requested-by': 'kubewitness' };
    const signedIn = await ask(
      admin.port,
      '/api/v1/sign-in',
      { ...writes, authorization: 'Bearer vera' },
      'POST',
    );
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? '';
    const socket = open('/api/v1/feed', { cookie, origin: origin() });
    await once(socket, 'message');
    const closed = once(socket, 'close');
    await ask(admin.port, '/api/v1/sign-out', { ...writes, cookie }, 'POST');
    await closed;
    expect(await refusedWith('/api/v1/feed', { cookie, origin: origin() })).toEqual([401, 'Unauthorized']);
  });
});
