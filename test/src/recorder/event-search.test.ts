import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchEvents } from '../../../src/recorder/event-search.ts';
import { linesBackwards } from '../../../src/recorder/lines-backwards.ts';
import { http1, newFolder, running } from './harness.ts';

async function backwards(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text } of linesBackwards(path, undefined)) lines.push(text);
  return lines;
}

describe('lines of a file, the last one first', () => {
  test('are those of the file, whatever their length', async () => {
    const path = join(await newFolder(), 'lines');
    const long = fc.integer({ min: 1, max: 600_000 }).map(length => 'x'.repeat(length));
    const line = fc.oneof(fc.string({ minLength: 1 }), long).map(text => text.replace(/[\n\r]/g, ' '));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.boolean(), async (lines, torn) => {
        await writeFile(path, lines.join('\n') + (torn ? '' : '\n'));
        expect(await backwards(path)).toEqual([...lines].reverse());
      }),
      { numRuns: 50 },
    );
  });

  test('no file has no lines', async () => {
    expect(await backwards(join(await newFolder(), 'none'))).toEqual([]);
  });
});

function eventOf(at: number, verb: string): string {
  return JSON.stringify({
    type: 'kubernetes-api-request',
    timestamp: 1_767_225_600 + at,
    kubernetes: { Verb: verb, Namespace: 'shop', Resource: 'pods', Name: `pod-${at}` },
    source: { nodeUser: at % 2 === 0 ? 'ann@example.com' : 'bob@example.com' },
    kubewitness: { auditId: `audit-${at}` },
  });
}

describe('GET /api/v1/events', () => {
  async function withEvents() {
    const run = await running();
    for (let at = 0; at < 6; at++) {
      await http1(run.recorder, 'POST', '/v2/event', eventOf(at, at < 3 ? 'get' : 'delete'));
    }
    return run;
  }

  test.each([
    ['', [5, 4, 3, 2, 1, 0]],
    ['?user=ann@example.com', [4, 2, 0]],
    ['?verb=delete', [5, 4, 3]],
    ['?namespace=shop&resource=pods&name=pod-2', [2]],
    ['?namespace=other', []],
    ['?session=audit-1', [1]],
    ['?since=2026-01-01T00:00:04Z', [5, 4]],
    ['?until=2026-01-01T00:00:01Z', [0]],
    ['?limit=2', [5, 4]],
  ])('%s', async (query, found) => {
    const { recorder } = await withEvents();
    const answer = await http1(recorder, 'GET', `/api/v1/events${query}`);
    const events: { kubewitness: { auditId: string } }[] = JSON.parse(answer.text);
    expect(events.map(event => event.kubewitness.auditId)).toEqual(found.map(at => `audit-${at}`));
  });

  test.each(['?usr=x', '?limit=0', '?before=x', '?since=now', '?verb=get&verb=list'])(
    '%s is refused',
    async query => {
      const { recorder } = await running();
      expect((await http1(recorder, 'GET', `/api/v1/events${query}`)).status).toBe(400);
    },
  );

  test('the link leads to the next page until there is none', async () => {
    const { recorder } = await withEvents();
    const pages: number[] = [];
    let path: string | undefined = '/api/v1/events?limit=2&user=ann@example.com';
    while (path !== undefined) {
      const answer = await http1(recorder, 'GET', path);
      pages.push(JSON.parse(answer.text).length);
      path = /^<(.*)>; rel="next"$/.exec(String(answer.headers['link'] ?? ''))?.[1];
    }
    expect(pages).toEqual([2, 1]);
  });

  test('a large number comes out as it went in', async () => {
    const { recorder } = await running();
    const event = '{"source":{"nodeUserID":9223372036854775807}}';
    await http1(recorder, 'POST', '/v2/event', event);
    expect((await http1(recorder, 'GET', '/api/v1/events')).text).toBe(`[${event}]\n`);
  });

  test('one search reads no more than its bound, and torn lines are passed over', async () => {
    const path = join(await newFolder(), 'events');
    const lines = Array.from({ length: 100 }, (_, at) => eventOf(at, 'get'));
    await writeFile(path, `${lines.join('\n')}\n{"torn":`);
    const first = await searchEvents(path, { verb: 'delete', limit: 5 }, 1000);
    expect(first.events).toEqual([]);
    const second = await searchEvents(path, {
      limit: 500,
      ...(first.next !== undefined && { before: first.next }),
    });
    expect(second.events.length).toBeGreaterThan(90);
    expect(second.events.length).toBeLessThan(99);
    expect(second).not.toHaveProperty('next');
  });
});
