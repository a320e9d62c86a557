import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { MAX_TURN_BYTES, Pump } from '../../../src/relay/pump.ts';

/** Two ends of a TCP connection. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const [near, [far]] = await Promise.all([
    connect(address.port, '127.0.0.1'),
    once(server, 'connection') as Promise<[Socket]>,
  ]);
  server.close();
  onTestFinished(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

/** Takes everything at once, so that nothing but the turn can hold the pump back. */
async function pumping() {
  const [source, from] = await socketPair();
  const [to, drain] = await socketPair();
  drain.resume();
  from.pause();
  const pump = new Pump(
    from,
    to,
    { push: chunk => ({ accepted: [chunk] }) },
    { violated: () => {}, ended: () => {} },
  );
  return { source, pump };
}

/** One chunk of a socket. */
const CHUNK = 64 * 1024;

test('a session that pours gives way after each 64 KiB, and the others have their turn (B107)', async () => {
  const noisy = await pumping();
  const quiet = await pumping();
  noisy.pump.start([]);
  quiet.pump.start([]);
  const total = 8 * 1024 * 1024;
  const poured = new Promise<void>(resolve => noisy.source.write(Buffer.alloc(total, 'x'), () => resolve()));
  quiet.source.write('k');

  const steps: number[] = [];
  let quietAfter: number | undefined;
  let before = 0;
  await new Promise<void>(resolve => {
    const look = (): void => {
      const { forwarded } = noisy.pump;
      steps.push(forwarded - before);
      before = forwarded;
      if (quiet.pump.forwarded > 0) quietAfter ??= forwarded;
      if (forwarded < total || quietAfter === undefined) setImmediate(look);
      else resolve();
    };
    setImmediate(look);
  });
  await poured;
  // What stands at the border of two turns may come to one chunk more.
  expect(Math.max(...steps)).toBeLessThanOrEqual(MAX_TURN_BYTES + CHUNK);
  expect(noisy.pump.forwarded).toBe(total);
  expect(quietAfter).toBeLessThanOrEqual(4 * (MAX_TURN_BYTES + CHUNK));
});

test('who waits for a turn can still be held for another reason, and stopped', async () => {
  const { source, pump } = await pumping();
  pump.start([Buffer.alloc(MAX_TURN_BYTES)]);
  pump.hold('recording');
  source.write('more');
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(pump.forwarded).toBe(MAX_TURN_BYTES);
  pump.release('recording');
  while (pump.forwarded === MAX_TURN_BYTES) await new Promise(setImmediate);
  expect(pump.forwarded).toBe(MAX_TURN_BYTES + 4);
  pump.stop();
  source.write('after');
  await new Promise(setImmediate);
  expect(pump.forwarded).toBe(MAX_TURN_BYTES + 4);
});
