import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { EarlyBytes } from '../../../src/relay/early-bytes.ts';

const KIB = 1024;

function rig(head = Buffer.alloc(0)): {
  kubectl: Duplex;
  early: EarlyBytes;
  left: Promise<void>;
  client: Duplex;
} {
  const [kubectl, client] = duplexPair({ allowHalfOpen: true });
  let tell = (): void => {};
  const left = new Promise<void>(resolve => {
    tell = resolve;
  });
  return { kubectl, client, left, early: new EarlyBytes(client, head, () => tell()) };
}

describe('early bytes', () => {
  test('are handed over in order, those that came with the request first', async () => {
    const { kubectl, early, left } = rig(Buffer.from('a'));
    kubectl.write('b');
    kubectl.end('c');
    await left;
    expect(Buffer.concat(early.take()).toString()).toBe('abc');
  });

  test('a client that leaves behind bytes that nobody took is noticed', async () => {
    const { kubectl, left } = rig();
    kubectl.end(Buffer.alloc(200 * KIB));
    await left;
  });

  test('past the bound the client waits', async () => {
    const { kubectl, client, early } = rig();
    for (let count = 0; count < 64; count++) kubectl.write(Buffer.alloc(16 * KIB));
    while (!client.isPaused()) await new Promise(resolve => setImmediate(resolve));
    expect(kubectl.writableLength).toBeGreaterThan(0);
    expect(Buffer.concat(early.take()).length).toBeLessThanOrEqual((256 + 64) * KIB);
  });

  test('whoever has taken them hears no more of the client', async () => {
    let told = false;
    const [kubectl, client] = duplexPair({ allowHalfOpen: true });
    new EarlyBytes(client, Buffer.alloc(0), () => {
      told = true;
    }).take();
    kubectl.end();
    client.resume();
    await new Promise<void>(resolve => client.once('end', resolve));
    expect(told).toBe(false);
  });
});
