import { describe, expect, test } from 'vitest';
import { forwarding, linesOf, statusBody } from './forwarding.ts';

const WATCH = 'GET /x?watch=1 HTTP/1.1\r\nHost: p\r\n\r\n';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const head = (type: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;

describe('a shutdown', () => {
  test('ends a watch whole, and frees it upstream', async () => {
    const { client, upstreams, endWatches } = await forwarding(async connection => {
      await connection.head();
      connection.write(head('application/json') + chunk('{"type":"ADDED"}\n'));
    });
    const watcher = await client();
    watcher.write(WATCH);
    await watcher.until('ADDED"}\n');
    endWatches();
    // The zero chunk: an end, not a cut.
    await watcher.until('\r\n0\r\n\r\n');
    await upstreams[0]?.left;
  });

  test('lets an event that is half through go out first, and nothing behind it', async () => {
    const { client, upstreams, endWatches } = await forwarding(async connection => {
      await connection.head();
      connection.write(head('application/json;stream=watch') + chunk('{"type":"ADDED"'));
    });
    const watcher = await client();
    watcher.write(WATCH);
    await watcher.head();
    await watcher.until('"ADDED"');
    endWatches();
    upstreams[0]?.write(chunk(',"object":{}}\n'));
    await watcher.until('"object":{}}\n');
    await watcher.until('\r\n0\r\n\r\n');
    await upstreams[0]?.left;
    expect(watcher.text).toContain('{"type":"ADDED"');
  });

  test('ends a watch of frames between two pieces', async () => {
    const { client, endWatches } = await forwarding(async connection => {
      await connection.head();
      connection.write(head('application/vnd.kubernetes.protobuf;stream=watch') + chunk('\0\0\0\x01x'));
    });
    const watcher = await client();
    watcher.write(WATCH);
    await watcher.until('\0\0\0\x01x');
    endWatches();
    await watcher.until('\r\n0\r\n\r\n');
  });

  test('refuses a watch that has no answer yet, and the next ones, for a second', async () => {
    let arrived = (): void => {};
    const waiting = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const { client, endWatches } = await forwarding(async connection => {
      await connection.head();
      arrived();
    });
    const [early, late] = [await client(), await client()];
    early.write(WATCH);
    await waiting;
    endWatches();
    late.write(WATCH);
    for (const watcher of [early, late]) {
      const { head: lines, status } = await statusBody(watcher);
      expect(lines[0]).toBe('HTTP/1.1 503 Service Unavailable');
      expect(linesOf(lines, 'retry-after')).toEqual(['1']);
      expect(status).toMatchObject({ reason: 'ServiceUnavailable', details: { retryAfterSeconds: 1 } });
    }
  });

  test('does not end a log as if it were whole', async () => {
    const { client, endWatches, closeForwarder } = await forwarding(
      async connection => {
        await connection.head();
        connection.write(head('text/plain') + chunk('line\n'));
      },
      { plan: { longRunning: true, watch: false } },
    );
    const follower = await client();
    follower.write(WATCH);
    await follower.until('line\n');
    endWatches();
    closeForwarder();
    await follower.left;
    expect(follower.text).not.toContain('\r\n0\r\n\r\n');
  });
});
