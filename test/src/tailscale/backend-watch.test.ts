import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { BackendWatch } from '../../../src/tailscale/backend-watch.ts';
import type { BusUpdate } from '../../../src/tailscale/ipn-bus.ts';
import { listenToBus } from '../../../src/tailscale/ipn-bus.ts';
import { LineCutter } from '../../../src/tailscale/line-cutter.ts';
import { openLocalApi } from '../../../src/tailscale/local-api.ts';
import type { LocalApiError } from '../../../src/tailscale/local-api-error.ts';
import type { FakeAnswer, FakeLocalApi } from './fake-local-api.ts';
import { fakeLocalApi } from './fake-local-api.ts';

let fake: FakeLocalApi;
beforeEach(async () => {
  fake = await fakeLocalApi();
});
afterEach(() => fake.close());

describe('lines', () => {
  test('are cut wherever the pieces end', () => {
    const cutter = new LineCutter(100);
    expect(cutter.push(Buffer.from('on'))).toEqual([]);
    expect(cutter.push(Buffer.from('e\ntwo\n\nth'))).toEqual(['one', 'two', '']);
    expect(cutter.push(Buffer.from('ree\n'))).toEqual(['three']);
  });

  test('that are too long are said to be, and the next one is whole', () => {
    const cutter = new LineCutter(4);
    expect(cutter.push(Buffer.from('12345'))).toEqual([]);
    expect(cutter.push(Buffer.from('6\n1234\n'))).toEqual([undefined, '1234']);
  });
});

/** Everything that a listener hears. */
function listening(options: { firstMs?: number; maxMessageBytes?: number } = {}) {
  const heard: (BusUpdate | 'missed')[] = [];
  const events = new EventEmitter<{ heard: []; ended: [LocalApiError] }>();
  const stop = listenToBus(
    fake.socketPath,
    {
      heard: update => {
        heard.push(update);
        events.emit('heard');
      },
      missed: () => {
        heard.push('missed');
        events.emit('heard');
      },
      ended: error => events.emit('ended', error),
    },
    options,
  );
  onTestFinished(stop);
  return {
    heard,
    stop,
    until: async (count: number) => {
      while (heard.length < count) await once(events, 'heard');
      return heard;
    },
    ended: async (): Promise<LocalApiError> => (await once(events, 'ended'))[0],
  };
}

describe('the bus', () => {
  test('tells the state at once, and then what changes', async () => {
    fake.warnings['no-derp-connection'] = {
      WarnableCode: 'no-derp-connection',
      Text: 'no relay',
      Title: 'Relay',
    };
    fake.warnings['bare'] = {};
    const bus = listening();
    expect(await bus.until(1)).toEqual([{ state: 'Running', health: ['no relay', 'bare'] }]);
    fake.backendState = 'NeedsLogin';
    fake.tell({ Version: 'x', State: null, NetMap: null });
    fake.tell({ Health: { Warnings: null } });
    fake.tell({ State: 42 });
    expect((await bus.until(5)).slice(1)).toEqual([
      { state: 'NeedsLogin' },
      {},
      { health: [] },
      { state: 'State42' },
    ]);
  });

  test('a message that is too long is missed, and the next one is heard', async () => {
    const bus = listening({ maxMessageBytes: 1_000 });
    await bus.until(1);
    fake.tell({ NetMap: 'x'.repeat(2_000) });
    fake.backendState = 'Stopped';
    expect((await bus.until(3)).slice(1)).toEqual(['missed', { state: 'Stopped' }]);
  });

  test.each<[string, FakeAnswer, string]>([
    ['a refusal', { status: 403, body: 'denied' }, 'denied'],
    ['an older version, without it', { status: 404, body: 'not found' }, 'badAnswer'],
    ['an error', { status: 500, body: 'boom' }, 'unavailable'],
    ['a closed connection', 'reset', 'unavailable'],
    ['half an answer', 'half', 'unavailable'],
    ['no HTTP', 'garbage', 'badAnswer'],
    ['no message', { status: 200, body: 'x\n' }, 'badAnswer'],
    ['a state that is none', { status: 200, body: '{"State":"Running"}\n' }, 'badAnswer'],
  ])('%s ends it', async (_what, answer, kind) => {
    fake.answers.set('watch-ipn-bus', answer);
    expect(await listening().ended()).toMatchObject({ name: 'LocalApiError', kind });
  });

  test('silence in place of the first message ends it by the limit', async () => {
    fake.answers.set('watch-ipn-bus', 'silence');
    expect(await listening({ firstMs: 50 }).ended()).toMatchObject({
      message: expect.stringContaining('50 ms'),
    });
  });

  test('whoever stops listening hears nothing more, and lets go', async () => {
    const bus = listening();
    await bus.until(1);
    bus.stop();
    while (fake.watchers > 0) await new Promise(resolve => setImmediate(resolve));
    expect(bus.heard).toHaveLength(1);
  });
});

function watching() {
  const events = new EventEmitter<{ changed: [] }>();
  const pauses: number[] = [];
  let next: (() => void) | undefined;
  const changed = (): void => {
    events.emit('changed');
  };
  const watch = new BackendWatch({
    socketPath: fake.socketPath,
    status: openLocalApi({ socketPath: fake.socketPath }).status,
    clock: { now: () => 1_000 },
    after: (ms, then) => {
      pauses.push(ms);
      next = then;
      changed();
      return () => {
        next = undefined;
      };
    },
    log: { info: changed, warn: changed },
  });
  onTestFinished(() => watch.close());
  return {
    watch,
    pauses,
    /** Lets the pause be over. */
    retry: () => next?.(),
    pending: () => next !== undefined,
    until: async (holds: () => boolean) => {
      while (!holds()) await once(events, 'changed');
    },
  };
}

describe('a watch', () => {
  test('knows each state as it comes, and how often it changed', async () => {
    const { watch, until } = watching();
    expect(watch.backend).toEqual({ state: undefined, since: 1_000, health: [] });
    await until(() => watch.backend.state === 'Running');
    fake.backendState = 'Running';
    for (const state of ['NeedsLogin', 'Starting', 'Running', 'Stopped']) {
      fake.backendState = state;
      await until(() => watch.backend.state === state);
    }
    expect(watch.changes).toBe(5);
  });

  test('tries again while tailscaled is away, after longer and longer pauses, and hears it when it is back', async () => {
    const { watch, pauses, retry, until } = watching();
    await until(() => watch.backend.state === 'Running');
    await fake.stop();
    await until(() => pauses.length === 1);
    expect(watch.backend).toMatchObject({ state: undefined, error: expect.stringContaining('tailscaled') });
    for (let failures = 2; failures <= 7; failures++) {
      retry();
      await until(() => pauses.length === failures);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    fake.backendState = 'NeedsLogin';
    await fake.start();
    retry();
    await until(() => watch.backend.state === 'NeedsLogin');
    expect(watch.backend).not.toHaveProperty('error');
    await fake.stop();
    await until(() => pauses.length === 8);
    expect(pauses.at(-1)).toBe(1_000);
  });

  test('asks for the state where a message was too long', async () => {
    const { watch, until } = watching();
    await until(() => watch.backend.state === 'Running');
    fake.answers.set('status', { status: 200, body: '{"BackendState":"Stopped","Health":["off"]}' });
    fake.tell({ NetMap: 'x'.repeat(1024 * 1024 + 1) });
    await until(() => watch.backend.state === 'Stopped');
    expect(watch.backend.health).toEqual(['off']);
  });

  test('ends with its owner, in a pause as well', async () => {
    const { watch, until, pauses, pending } = watching();
    await until(() => watch.backend.state === 'Running');
    await fake.stop();
    await until(() => pauses.length === 1);
    watch.close();
    expect(pending()).toBe(false);
  });
});
