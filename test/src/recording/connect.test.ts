import { describe, expect, test } from 'vitest';
import { connectRecorder } from '../../../src/recording/connect.ts';
import type { RecorderLimits } from '../../../src/recording/recorder-limits.ts';
import { RecorderError } from '../../../src/recording/upload.ts';
import type { FakeRecorder } from './fake-recorders.ts';
import { deadAddress, startTcp, startV1, startV2 } from './fake-recorders.ts';

const QUICK: RecorderLimits = {
  dialMs: 2_000,
  probeMs: 60,
  acceptMs: 60,
  ackSilenceMs: 2_000,
  finalAnswerMs: 2_000,
};
const PATIENT = { ...QUICK, probeMs: 5_000, acceptMs: 5_000 };

async function failureOf(work: Promise<unknown>): Promise<RecorderError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RecorderError)) throw new Error(`expected a RecorderError, got ${String(error)}`);
  return error;
}

interface Refusing {
  readonly name: string;
  readonly start: () => Promise<FakeRecorder>;
  readonly kind: string;
  readonly says: RegExp;
  readonly limits?: RecorderLimits;
  /** TCP connections the attempt makes; a second one is the try with v1. */
  readonly connections: number;
}

const answeringV1 = (status: number): (() => Promise<FakeRecorder>) => {
  return () =>
    startV1({ onExpect: (_request, response) => response.writeHead(status, { Location: '/' }).end() });
};

const REFUSING: readonly Refusing[] = [
  ...(
    [
      [500, 'refused'],
      [507, 'disk'],
      [413, 'size'],
      [404, 'refused'],
      [401, 'auth'],
      [403, 'auth'],
      [301, 'refused'],
    ] as const
  ).flatMap(([status, kind]): Refusing[] => [
    {
      name: `v2 answers the upload ${status}`,
      start: () => startV2({ postStatus: status }),
      kind,
      says: new RegExp(`POST /v2/record was ${status}`),
      connections: 1,
    },
    {
      name: `v1 answers ${status} in place of 100`,
      start: answeringV1(status),
      kind,
      says: new RegExp(`answered ${status} instead of 100`),
      connections: 2,
    },
  ]),
  {
    name: 'v1 answers 200 before any upload',
    start: answeringV1(200),
    kind: 'refused',
    says: /answered 200 instead of 100/,
    connections: 2,
  },
  {
    name: 'v1 never answers',
    start: () => startV1({ onExpect: () => undefined }),
    kind: 'timeout',
    says: /no 100 Continue within 60 ms/,
    connections: 2,
  },
  {
    name: 'v2 never answers the upload',
    start: () => startV2({ postStatus: 'never' }),
    kind: 'timeout',
    says: /no answer to POST .v2.record within 60 ms/,
    connections: 1,
  },
  {
    name: 'takes the connection and never answers',
    start: () => startTcp(socket => socket.resume()),
    kind: 'timeout',
    says: /no answer to HEAD/,
    limits: QUICK,
    connections: 1,
  },
  {
    name: 'speaks another protocol',
    start: () => startTcp(socket => socket.resume().end('SSH-2.0-x\r\n')),
    kind: 'protocol',
    says: /100 Continue failed: Parse Error.* after v2/,
    connections: 2,
  },
  {
    name: 'hangs up at once',
    start: () => startTcp(socket => socket.resume().end()),
    kind: 'reset',
    says: /hang up/,
    connections: 2,
  },
  {
    name: 'resets at the first bytes',
    start: () => startTcp(socket => socket.once('data', () => socket.resetAndDestroy())),
    kind: 'reset',
    says: /ECONNRESET/,
    connections: 2,
  },
];

describe('a recorder that does not take the recording', () => {
  test.each(REFUSING)('$name B062', async ({ start, kind, says, limits, connections }) => {
    const { address, seen } = await start();
    const error = await failureOf(connectRecorder(address, { limits: limits ?? QUICK }));
    expect(error).toMatchObject({
      kind,
      phase: 'connect',
      recorder: address,
      message: expect.stringMatching(says),
    });
    await seen.hasConnections(connections);
    await seen.hasNoSockets();
    expect(seen.connections).toBe(connections);
  });

  test('nothing listens: one dial, no second try', async () => {
    const address = await deadAddress();
    const error = await failureOf(connectRecorder(address, { limits: PATIENT }));
    expect(error).toMatchObject({
      kind: 'refused',
      phase: 'connect',
      message: expect.stringContaining('dialling'),
    });
    expect(error.message).not.toContain('after v2');
  });

  test('an address that is none', async () => {
    const error = await failureOf(connectRecorder('::1'));
    expect(error).toMatchObject({
      kind: 'protocol',
      phase: 'connect',
      message: expect.stringContaining('[::1]'),
    });
  });
});

describe('a recorder that takes it', () => {
  test('v2 is probed first, then used on the same connection', async () => {
    const { address, seen } = await startV2();
    const upload = await connectRecorder(address, { limits: PATIENT });
    expect(upload).toMatchObject({ protocol: 'v2', recorder: address, unackedBytes: 0 });
    expect(seen.requests).toEqual(['HEAD /v2/record', 'POST /v2/record']);
    expect(seen.headers[1]?.[':authority']).toBe(address);
    expect(seen.connections).toBe(1);
    upload.abort();
  });

  test('v1 answers the probe with an error and is asked by its own protocol', async () => {
    const { address, seen } = await startV1();
    const upload = await connectRecorder(address, { limits: PATIENT });
    expect(upload).toMatchObject({ protocol: 'v1', recorder: address, unackedBytes: 0 });
    expect(seen.requests).toEqual(['POST /record']);
    expect(seen.headers[0]).toEqual({
      host: address,
      expect: '100-continue',
      'transfer-encoding': 'chunked',
      connection: 'close',
    });
    upload.abort();
  });

  test.each([404, 405, 501])('a probe answered %i means v1', async headStatus => {
    const { address, seen } = await startV2({ headStatus });
    const error = await failureOf(connectRecorder(address, { limits: PATIENT }));
    expect(error.message).toContain(`HEAD /v2/record was ${headStatus}`);
    expect(seen.connections).toBe(2);
    expect(seen.requests).toEqual(['HEAD /v2/record']);
  });

  test('IPv6 goes into the Host header in brackets B067', async () => {
    const { address, seen } = await startV2();
    const upload = await connectRecorder(`[::ffff:127.0.0.1]:${address.split(':')[1]}`, { limits: PATIENT });
    expect(seen.headers[1]?.[':authority']).toBe(`[::ffff:127.0.0.1]:${address.split(':')[1]}`);
    upload.abort();
  });
});

describe('an attempt that is given up', () => {
  const silent = (): Promise<FakeRecorder> => startTcp(socket => socket.resume());
  const silentV1 = (): Promise<FakeRecorder> => startV1({ onExpect: () => undefined });

  test('before it began', async () => {
    const { address, seen } = await startV2();
    const error = await failureOf(connectRecorder(address, { limits: PATIENT, signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ kind: 'reset', phase: 'connect' });
    await seen.hasNoSockets();
  });

  test.each([
    ['while the probe waits', silent, 1],
    ['while 100 Continue is waited for', silentV1, 2],
  ])('%s B061', async (_name, start, connections) => {
    const { address, seen } = await start();
    const controller = new AbortController();
    const failed = failureOf(connectRecorder(address, { limits: PATIENT, signal: controller.signal }));
    await seen.hasConnections(connections);
    controller.abort();
    expect(await failed).toMatchObject({ kind: 'reset', message: expect.stringContaining('given up') });
    await seen.hasNoSockets();
    expect(seen.connections).toBe(connections);
  });

  test('a go-ahead that comes after it finds nobody B095', async () => {
    const controller = new AbortController();
    const { address, seen } = await startV1({
      onExpect: (_request, response) => {
        controller.abort();
        response.writeContinue();
      },
    });
    const error = await failureOf(connectRecorder(address, { limits: PATIENT, signal: controller.signal }));
    expect(error.kind).toBe('reset');
    await seen.hasNoSockets();
  });

  test('the signal has no say in an upload that was accepted', async () => {
    const { address, seen } = await startV2();
    const controller = new AbortController();
    const upload = await connectRecorder(address, { limits: PATIENT, signal: controller.signal });
    controller.abort();
    upload.write(Buffer.from('whole'));
    await upload.end();
    expect(seen.body.toString()).toBe('whole');
  });
});

test('sessions that come one by one never meet a stale connection B068', async () => {
  const { address, seen } = await startV1();
  for (let session = 0; session < 20; session++) {
    const upload = await connectRecorder(address, { limits: PATIENT });
    upload.write(Buffer.from('x'));
    await upload.end();
  }
  expect(seen.body.toString()).toBe('x'.repeat(20));
  expect(seen.connections).toBe(40);
});
