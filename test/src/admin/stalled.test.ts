import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AdminServer } from '../../../src/admin/server.ts';
import { headerLine, outputLine } from '../../../src/recording/cast.ts';
import { LiveCast, LiveCastRoom } from '../../../src/recording/live-cast.ts';
import { type FakeSessions, session } from '../live/sessions.ts';
import { SUBJECT } from '../recording/subject.ts';
import { startAdmin } from './admin.ts';

const ID = '0b5c2f4e-3f1f-4d2b-9a51-0f8e5f0c9d11';
const FEED = '/api/v1/feed';
const WATCH = `/api/v1/sessions/${ID}/watch`;
const KIB = 1024;
/** Whatever the kernel takes for a socket that nobody reads, half of this is more. */
const WRITTEN_BYTES = 24 * KIB * KIB;

let admin: AdminServer;
let sessions: FakeSessions;
let cast: LiveCast;

beforeEach(async () => {
  ({ admin, sessions } = await startAdmin());
  sessions.change(session(ID));
  cast = new LiveCast(new LiveCastRoom());
  sessions.casts.set(ID, cast);
  cast.header(headerLine(SUBJECT, { cols: 80, rows: 24 }, 0));
});

afterEach(() => admin.close());

/** A viewer whose upgrade was answered, and who has not read a byte since. */
async function stalled(path: string): Promise<Socket> {
  const host = `127.0.0.1:${admin.port}`;
  const socket = connect(admin.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: ${host}\r\norigin: http://${host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 101 /);
  socket.pause();
  return socket;
}

/** One who reads everything. */
async function reading(path: string): Promise<{ socket: WebSocket; more: () => Promise<unknown[]> }> {
  const origin = `http://127.0.0.1:${admin.port}`;
  const socket = new WebSocket(`${origin.replace('http', 'ws')}${path}`, { origin });
  await once(socket, 'message');
  return { socket, more: () => once(socket, 'message') };
}

/** All that it is given until it is cut; for ever, if it is not. */
async function readToItsEnd(socket: Socket): Promise<number> {
  const before = socket.bytesRead;
  socket.resume();
  await once(socket, 'close');
  return socket.bytesRead - before;
}

describe('a viewer whose socket takes nothing more', () => {
  test('of the feed is cut, while another is told of every change', async () => {
    const slow = await stalled(FEED);
    const { socket, more } = await reading(FEED);
    const bytes = 900 * KIB;
    for (let written = 0; written < WRITTEN_BYTES; written += bytes) {
      sessions.change(session(ID, { command: [String(written), 'x'.repeat(bytes)] }));
      const [message] = await more();
      expect(String(message)).toContain(`"${written}"`);
    }
    expect(await readToItsEnd(slow)).toBeLessThan(WRITTEN_BYTES / 2);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  });

  test('of a live session is cut, while another sees every line', async () => {
    const slow = await stalled(WATCH);
    const { socket, more } = await reading(WATCH);
    const bytes = 128 * KIB;
    for (let written = 0; written < WRITTEN_BYTES; written += bytes) {
      cast.event(outputLine(written, 'x'.repeat(bytes)));
      const [message] = await more();
      expect(String(message).startsWith(`[${written},`)).toBe(true);
    }
    expect(await readToItsEnd(slow)).toBeLessThan(WRITTEN_BYTES / 2);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  });
});
