import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Relay } from '../../../src/relay/relay.ts';
import type { ReadResult, Violation, WireCodec } from '../../../src/wire/codec.ts';

const violation: Violation = { code: 'WS_OPCODE', message: 'opcode 3', offset: 0 };

interface Rig {
  readonly kubectl: Duplex;
  readonly server: Duplex;
  readonly client: Duplex;
  readonly upstream: Duplex;
  readonly relay: Relay;
  readonly edges: string[];
  readonly nextEdge: () => Promise<string>;
}

/** A relay between two in-memory peers; `judge` stands for the readers of both directions. */
function rig(
  judge: (direction: string, chunk: Buffer) => ReadResult,
  options: { lingerMs?: number } = {},
): Rig {
  const [kubectl, client] = duplexPair();
  const [server, upstream] = duplexPair();
  const edges: string[] = [];
  const waiting: ((edge: string) => void)[] = [];
  const told = (edge: string): void => {
    edges.push(edge);
    waiting.shift()?.(edge);
  };
  const codec: WireCodec = {
    fromClient: { push: chunk => judge('up', chunk) },
    fromUpstream: { push: chunk => judge('down', chunk) },
    upstreamStatusSeen: false,
    ending: () => [],
  };
  for (const socket of [kubectl, client, server, upstream]) socket.on('error', () => {});
  const relay = new Relay({
    client,
    upstream,
    codec,
    ...options,
    events: {
      callerViolated: ({ code }) => told(`caller violated ${code}`),
      upstreamViolated: ({ code }) => told(`upstream violated ${code}`),
      upstreamEnded: ({ cut }) => told(cut ? 'upstream cut' : 'upstream ended'),
      clientLeft: () => told('client left'),
    },
  });
  return {
    kubectl,
    server,
    client,
    upstream,
    relay,
    edges,
    nextEdge: () => new Promise(resolve => waiting.push(resolve)),
  };
}

const acceptAll = (_direction: string, chunk: Buffer): ReadResult => ({ accepted: [chunk] });

async function readAll(socket: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks).toString();
}

describe('relay', () => {
  test('early bytes of both sides come first', async () => {
    const { kubectl, server, relay } = rig(acceptAll);
    relay.start({ client: [Buffer.from('a'), Buffer.from('b')], upstream: [Buffer.from('1')] });
    kubectl.write('c');
    server.write('2');
    await once(server, 'readable');
    await once(kubectl, 'readable');
    expect(server.read().toString()).toBe('abc');
    expect(kubectl.read().toString()).toBe('12');
  });

  test('the client has all of upstream before upstream is said to have ended', async () => {
    const { kubectl, server, relay, edges, nextEdge } = rig(acceptAll);
    relay.start({ client: [], upstream: [] });
    const edge = nextEdge();
    const big = 'x'.repeat(1_000_000);
    server.write(big);
    server.end('end');
    expect(edges).toEqual([]);
    expect(await readAll(kubectl)).toBe(`${big}end`);
    expect(await edge).toBe('upstream ended');
  });

  test('a slow client holds upstream back', async () => {
    let read = 0;
    const { server, relay, kubectl } = rig((direction, chunk) => {
      if (direction === 'down') read += chunk.length;
      return { accepted: [chunk] };
    });
    relay.start({ client: [], upstream: [] });
    for (let count = 0; count < 64; count++) server.write(Buffer.alloc(64 * 1024));
    await new Promise(resolve => setImmediate(resolve));
    expect(read).toBeLessThan(1024 * 1024);
    kubectl.resume();
    server.end();
    await once(kubectl, 'end');
    expect(read).toBe(64 * 64 * 1024);
  });

  test('a full recording holds output back, and nothing else', async () => {
    const { server, relay, kubectl } = rig(acceptAll);
    relay.start({ client: [], upstream: [] });
    relay.holdOutput();
    server.write('held');
    kubectl.write('typed');
    await once(server, 'readable');
    expect(server.read().toString()).toBe('typed');
    expect(kubectl.readableLength).toBe(0);
    relay.releaseOutput();
    await once(kubectl, 'readable');
    expect(kubectl.read().toString()).toBe('held');
  });

  test('what came before a violation is forwarded, nothing after it', async () => {
    const { server, relay, kubectl, nextEdge } = rig((direction, chunk) =>
      direction === 'up' && chunk.includes('!')
        ? { accepted: [chunk.subarray(0, chunk.indexOf('!'))], violation }
        : { accepted: [chunk] },
    );
    relay.start({ client: [], upstream: [] });
    const edge = nextEdge();
    kubectl.write('good!bad');
    expect(await edge).toBe('caller violated WS_OPCODE');
    kubectl.write('more');
    await new Promise(resolve => setImmediate(resolve));
    expect(server.read().toString()).toBe('good');
    expect(server.read()).toBe(null);
  });

  test('a relay stopped while a chunk is read does not forward it', async () => {
    const held: { relay?: Relay } = {};
    const { server, relay, kubectl } = rig((_direction, chunk) => {
      held.relay?.stop();
      return { accepted: [chunk] };
    });
    held.relay = relay;
    relay.start({ client: [], upstream: [] });
    server.write('secret');
    await new Promise(resolve => setImmediate(resolve));
    await new Promise(resolve => setImmediate(resolve));
    expect(kubectl.read()).toBe(null);
  });

  test('one edge only, whatever breaks after it', async () => {
    const { client, upstream, relay, edges, nextEdge } = rig(acceptAll);
    relay.start({ client: [], upstream: [] });
    const edge = nextEdge();
    client.destroy();
    upstream.destroy();
    await edge;
    await new Promise(resolve => setImmediate(resolve));
    expect(edges).toHaveLength(1);
  });

  test('a client that closes its half gives upstream its last word', async () => {
    const { kubectl, server, relay, nextEdge } = rig(acceptAll);
    relay.start({ client: [], upstream: [] });
    const edge = nextEdge();
    kubectl.end('bye');
    expect(await readAll(server)).toBe('bye');
    server.end('last');
    expect(await readAll(kubectl)).toBe('last');
    expect(await edge).toBe('upstream ended');
  });

  test('a client that closes its half, and an upstream that says nothing: the client has left', async () => {
    const { kubectl, relay, nextEdge } = rig(acceptAll, { lingerMs: 1 });
    relay.start({ client: [], upstream: [] });
    const edge = nextEdge();
    kubectl.end();
    expect(await edge).toBe('client left');
  });
});
