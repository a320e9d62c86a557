import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readTarget } from '../../../src/kube/target.ts';
import { silentLogger } from '../../../src/log.ts';
import type { CapabilityRule } from '../../../src/policy/rules.ts';
import { captureBody } from '../../../src/proxy/capture-body.ts';
import { recordRequest } from '../../../src/proxy/record-request.ts';
import type { Delivery } from '../../../src/recording/deliver-event.ts';
import { RecorderHealth } from '../../../src/recording/recorder-health.ts';
import { RecorderError } from '../../../src/recording/upload.ts';

/** A real request with this body, as a server gets it. */
async function incoming(body: string | Buffer, chunked = false): Promise<IncomingMessage> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${Buffer.byteLength(body)}`;
  socket.write(`POST /api/v1/namespaces/d/pods HTTP/1.1\r\nHost: x\r\nUser-Agent: k\r\n${framing}\r\n\r\n`);
  if (chunked) socket.write(`${Buffer.byteLength(body).toString(16)}\r\n`);
  socket.write(body);
  if (chunked) socket.write('\r\n0\r\n\r\n');
  const [request] = await once(server, 'request');
  return request;
}

const rule = (changes: Partial<CapabilityRule> = {}): CapabilityRule => ({
  origin: 'grants[0]',
  impersonateGroups: [],
  recorderAddrs: ['r1:80', 'r2:80'],
  enforceRecorder: false,
  enableEvents: true,
  ...changes,
});
const lost = new RecorderError({ kind: 'refused', phase: 'stream', recorder: 'r1:80', message: 'refused' });

async function record(
  request: IncomingMessage,
  rules: readonly CapabilityRule[],
  delivery: Delivery,
  hasBody = true,
) {
  const sent: { readonly recorders: readonly string[]; readonly document: Record<string, unknown> }[] = [];
  const body = await recordRequest(
    request,
    {
      target: readTarget('POST', '/api/v1/namespaces/d/pods'),
      place: { namespace: 'd' },
      address: '10.0.0.1',
      caller: { user: 'ann', groups: [], source: 'static', rules },
    },
    'a1',
    hasBody,
    {
      clock: { now: () => 0, monotonic: () => 0 },
      log: silentLogger,
      health: new RecorderHealth({ probe: () => Promise.reject(lost) }),
      deliverEvent: async (recorders, document) => {
        sent.push({ recorders, document: JSON.parse(document.toString()) });
        return delivery;
      },
    },
  );
  return { body, sent };
}

describe('a request is told to a recorder', () => {
  test('where the rule holds, and nowhere else', async () => {
    const elsewhere = rule({ scope: { namespaces: ['prod'] }, enforceRecorder: true });
    const here = rule({ scope: { namespaces: ['d'], pods: ['db-*'] } });
    const { sent, body } = await record(await incoming('x'), [elsewhere], {
      kind: 'stored',
      recorder: 'r1:80',
    });
    expect(sent).toEqual([]);
    expect(body).toBeUndefined();
    // Which pod a new one will be is not known: the rule counts.
    expect(
      (await record(await incoming('x'), [here], { kind: 'stored', recorder: 'r1:80' })).sent,
    ).toHaveLength(1);
  });

  test('with its body, which is then forwarded', async () => {
    const { body, sent } = await record(await incoming('{"a":1}'), [rule()], {
      kind: 'stored',
      recorder: 'r1:80',
    });
    expect(body?.toString()).toBe('{"a":1}');
    expect(sent).toMatchObject([
      {
        recorders: ['r1:80', 'r2:80'],
        document: {
          request: { body: Buffer.from('{"a":1}').toString('base64') },
          kubernetes: { Resource: 'pods', Verb: 'create' },
          kubewitness: { auditId: 'a1', body: 'whole' },
        },
      },
    ]);
  });

  test('not where no rule asks for it, and the body stays where it is', async () => {
    const request = await incoming('body');
    const { body, sent } = await record(request, [rule({ enableEvents: false })], { kind: 'unsupported' });
    expect({ body, sent }).toEqual({ body: undefined, sent: [] });
    expect(request.readableDidRead).toBe(false);
  });

  test('a long body is told cut, and forwarded whole', async () => {
    const long = Buffer.alloc(3 * 1024 * 1024, 'x');
    const request = await incoming(long);
    const { body, sent } = await record(request, [rule()], { kind: 'stored', recorder: 'r1:80' });
    expect(body).toBe(undefined);
    expect(sent[0]?.document).toMatchObject({ kubewitness: { body: 'cut' } });
    const rest: Buffer[] = [];
    for await (const chunk of request) rest.push(chunk);
    expect(Buffer.concat(rest).equals(long)).toBe(true);
  });

  const failures: readonly [name: string, delivery: Delivery][] = [
    ['all failed', { kind: 'failed', errors: [lost] }],
    ['none knows events', { kind: 'unsupported' }],
  ];
  test.each(failures)('open, %s: the request goes on', async (_name, delivery) => {
    const { body } = await record(await incoming('x'), [rule()], delivery);
    expect(body?.toString()).toBe('x');
  });

  test.each(failures)('enforced, %s: refused, without an address', async (_name, delivery) => {
    const refused = record(await incoming('x'), [rule(), rule({ enforceRecorder: true })], delivery);
    await expect(refused).rejects.toMatchObject({ code: 'KW_RECORDER_UNAVAILABLE' });
    await expect(refused).rejects.not.toThrow(/r1/);
  });
});

describe('captureBody', () => {
  test.each([true, false])('a body of exactly the bound is whole (chunked %s)', async chunked => {
    expect(await captureBody(await incoming('12345', chunked), 5)).toEqual({
      bytes: Buffer.from('12345'),
      whole: true,
    });
  });

  test('one byte more is cut at the bound', async () => {
    const request = await incoming('123456');
    expect(await captureBody(request, 5)).toEqual({ bytes: Buffer.from('12345'), whole: false });
  });

  test('a client that leaves in the middle is an error', async () => {
    const cut = await incomingCut();
    await expect(captureBody(cut.request, 100)).rejects.toThrow();
  });
});

/** A request whose client is gone after half of the body. */
async function incomingCut(): Promise<{ request: IncomingMessage }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
  const [request] = await once(server, 'request');
  socket.destroy();
  return { request };
}
