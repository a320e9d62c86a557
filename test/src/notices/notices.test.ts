import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import type { NoticeResult } from '../../../src/metrics/updates.ts';
import { Notices } from '../../../src/notices/notices.ts';
import { systemTimers } from '../../../src/recording/timers.ts';
import { ended, failure } from '../audit/samples.ts';
import { plainUpstream } from '../upstream/plain-upstream.ts';

interface Call {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** Somebody who is told, and answers with one status after the other; the last goes on. */
async function told(channel: 'event' | 'webhook', statuses: readonly number[]) {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { method, url, headers } = request;
    calls.push({ method, url, headers, body: JSON.parse(text) });
    response.writeHead(statuses[Math.min(calls.length, statuses.length) - 1] ?? 500, { location: '/else' });
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const results = await new Promise<NoticeResult>(resolve => {
    const notices = new Notices({
      cluster: 'prod eu',
      clock: systemClock,
      timers: { after: (_ms, then) => systemTimers.after(0, then) },
      log: silentLogger,
      ...(channel === 'event'
        ? { events: plainUpstream(address.port) }
        : { webhook: { url: `http://127.0.0.1:${address.port}/hook`, token: () => 'secret' } }),
      told: (_channel, result) => resolve(result),
    });
    notices.audited(ended);
    notices.audited(failure);
  });
  return { calls, result: results };
}

test('a failure is posted as a CloudEvent, with the facts of its record and no others', async () => {
  const { calls, result } = await told('webhook', [204]);
  expect(result).toBe('sent');
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({
    method: 'POST',
    url: '/hook',
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      authorization: 'Bearer secret',
    },
  });
  // CloudEvents 1.0.2, "Context Attributes": what is required, and of what form.
  expect(calls[0]?.body).toEqual({
    specversion: '1.0',
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    source: '/kubewitness/prod%20eu',
    type: 'dev.kubewitness.recording.failed.v1',
    subject: failure.sessionId,
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    datacontenttype: 'application/json',
    data: expect.objectContaining({
      type: 'recording.failed',
      sessionId: failure.sessionId,
      user: expect.objectContaining({ name: 'ann' }),
      target: failure.target,
      action: 'continuedUnrecorded',
    }),
  });
});

test('a failure is an Event (core/v1) on the pod, written with our own credential', async () => {
  const { calls, result } = await told('event', [201]);
  expect(result).toBe('sent');
  expect(calls[0]).toMatchObject({
    method: 'POST',
    url: '/api/v1/namespaces/default/events',
    headers: { authorization: 'Bearer proxy-token' },
    body: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: 'shell.', namespace: 'default' },
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'shell' },
      type: 'Warning',
      reason: 'RecordingFailed',
      message: expect.stringContaining('recording failed (stream, reset), continuedUnrecorded'),
    },
  });
  expect(Object.keys(calls[0]?.headers ?? {}).filter(name => name.startsWith('impersonate'))).toEqual([]);
});

test.each([
  ['webhook', [500, 503, 204], 3, 'sent'],
  ['webhook', [429, 500, 502, 503], 4, 'failed'],
  ['webhook', [404], 1, 'failed'],
  ['webhook', [302], 4, 'failed'],
  ['event', [500, 201], 2, 'sent'],
  ['event', [403], 1, 'failed'],
] as const)('a %s that is answered %j is called %d times: %s', async (channel, statuses, times, wanted) => {
  const { calls, result } = await told(channel, statuses);
  expect({ times: calls.length, result }).toEqual({ times, result: wanted });
  expect(calls.map(({ url }) => url)).not.toContain('/else');
});
