import { describe, expect, test } from 'vitest';
import type { FeedMessage } from '../../../../src/live/feed-message.ts';
import { SILENCE_MS } from '../../../../src/live/feed-message.ts';
import {
  Connection,
  type ConnectionState,
  type SocketListener,
} from '../../../../src/live/page/connection.ts';
import { at, session } from '../sessions.ts';

/** A server that a test speaks for, and timers that it fires. */
class Rig {
  readonly states: ConnectionState[] = [];
  readonly listeners: SocketListener[] = [];
  readonly timers: { ms: number; run: () => void }[] = [];
  closes = 0;
  readonly connection = new Connection({
    open: listener => {
      this.listeners.push(listener);
      return { close: () => this.closes++ };
    },
    changed: state => this.states.push(state),
    now: () => Date.parse(at(0)),
    after: (ms, run) => {
      const timer = { ms, run };
      this.timers.push(timer);
      return () => {
        const index = this.timers.indexOf(timer);
        if (index >= 0) this.timers.splice(index, 1);
      };
    },
  });

  say(message: FeedMessage, by = this.listeners.length - 1): void {
    this.listeners[by]?.message(JSON.stringify(message));
  }

  fire(): number | undefined {
    const timer = this.timers.shift();
    timer?.run();
    return timer?.ms;
  }

  get last(): ConnectionState | undefined {
    return this.states.at(-1);
  }
}

const snapshot = (seq: number): FeedMessage => ({
  type: 'snapshot',
  seq,
  at: at(2500),
  recordings: false,
  sandbox: false,
  sessions: [session('a')],
});

function started(): Rig {
  const rig = new Rig();
  rig.connection.start();
  rig.say(snapshot(1));
  return rig;
}

describe('connection', () => {
  test('is live with the first snapshot, and knows the server’s clock', () => {
    const { last } = started();
    expect([last?.status, last?.skewMs, last?.mirror?.sessions.size]).toEqual(['live', 2500, 1]);
  });

  test.each<[string, (rig: Rig) => void]>([
    ['a cut', rig => rig.listeners[0]?.closed()],
    ['a gap', rig => rig.say({ type: 'delta', seq: 3, sessions: [], forgotten: [] })],
    ['a beat with another number', rig => rig.say({ type: 'beat', seq: 7 })],
  ])('after %s it shows what it knew, and starts over', (_name, trouble) => {
    const rig = started();
    trouble(rig);
    expect([rig.last?.status, rig.last?.mirror?.sessions.size]).toEqual(['lost', 1]);
    rig.fire();
    expect(rig.listeners).toHaveLength(2);
    rig.say(snapshot(9));
    expect([rig.last?.status, rig.last?.mirror?.seq]).toEqual(['live', 9]);
  });

  test('silence is a cut', () => {
    const rig = started();
    expect(rig.fire()).toBe(SILENCE_MS);
    expect(rig.last?.status).toBe('lost');
    expect(rig.closes).toBe(1);
  });

  test('waits longer each time, up to a bound, and begins anew after success', () => {
    const rig = started();
    const waits: (number | undefined)[] = [];
    for (let n = 0; n < 8; n++) {
      rig.listeners.at(-1)?.closed();
      waits.push(rig.fire());
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    rig.say(snapshot(1));
    rig.listeners.at(-1)?.closed();
    expect(rig.fire()).toBe(500);
  });

  test('a socket that was given up is not heard any more', () => {
    const rig = started();
    rig.say({ type: 'beat', seq: 7 });
    rig.fire();
    rig.say(snapshot(5), 0);
    rig.listeners[0]?.closed();
    expect(rig.last?.status).toBe('lost');
    expect(rig.listeners).toHaveLength(2);
  });
});
