import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What each connection is sent, whatever it asks: then its end. */
let said = Buffer.alloc(0);
const sockets = new Set<Socket>();

function serve(socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
  const answer = said;
  socket.once('data', () => socket.end(answer));
}

let place: Promise<{ socket: string; port: string }> | undefined;

async function listening(): Promise<{ socket: string; port: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'kubewitness-fuzz-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const local = createServer(serve).listen(join(dir, 's'));
  const network = createServer(serve).listen(0, '127.0.0.1');
  await Promise.all([once(local, 'listening'), once(network, 'listening')]);
  local.unref();
  network.unref();
  const address = network.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { socket: join(dir, 's'), port: String(address.port) };
}

/** A peer that answers every connection with these bytes, once it is asked anything, and hangs up. */
export async function answering(
  bytes: Buffer,
  kind: 'socket' | 'port',
  use: (where: string) => Promise<void>,
): Promise<void> {
  place ??= listening();
  const where = await place;
  said = Buffer.from(bytes);
  try {
    await use(where[kind]);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
