import { describe, expect, onTestFinished, test } from 'vitest';
import { DEFAULT_SHIPPER_LIMITS, Shipper } from '../../../src/recorder/shipper.ts';
import { SpoolRoom } from '../../../src/recorder/spool-room.ts';
import { StorageError } from '../../../src/recorder/storage.ts';
import { HeardLog } from './harness.ts';

const FAILED = 'a recording did not reach the bucket';

/** A far end that tests answer for: each call of `ship` waits until it is settled. */
class FarEnd {
  readonly calls: string[] = [];
  readonly #open: { id: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  #waiting: (() => void)[] = [];

  readonly ship = (id: string): Promise<void> => {
    this.calls.push(id);
    const settled = new Promise<void>((resolve, reject) => this.#open.push({ id, resolve, reject }));
    for (const wake of this.#waiting.splice(0)) wake();
    return settled;
  };

  async called(count: number): Promise<void> {
    while (this.calls.length < count) await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  settle(how: 'arrived' | 'failed'): void {
    const call = this.#open.shift();
    if (how === 'arrived') call?.resolve();
    else call?.reject(new Error('away'));
  }
}

function shipping(limits: Partial<typeof DEFAULT_SHIPPER_LIMITS> = {}) {
  const far = new FarEnd();
  const log = new HeardLog();
  const shipper = new Shipper({
    ship: far.ship,
    log,
    random: () => 1,
    limits: { ...DEFAULT_SHIPPER_LIMITS, firstRetryMs: 1, maxRetryMs: 4, stopMs: 1, ...limits },
  });
  onTestFinished(() => shipper.stop());
  return { far, log, shipper };
}

describe('the shipper', () => {
  test('sends in order, so many at one time', async () => {
    const { far, shipper } = shipping({ atOnce: 2 });
    for (const id of ['a', 'b', 'c']) shipper.add(id);
    expect(far.calls).toEqual(['a', 'b']);
    expect(shipper.size).toBe(3);
    far.settle('arrived');
    await far.called(3);
    expect(far.calls).toEqual(['a', 'b', 'c']);
    expect(shipper.has('a')).toBe(false);
    expect(shipper.has('c')).toBe(true);
  });

  test('rests after a failure, longer each time, and starts afresh after a success', async () => {
    const { far, log, shipper } = shipping({ atOnce: 1 });
    shipper.add('a');
    for (let failures = 1; failures <= 4; failures++) {
      far.settle('failed');
      await far.called(failures + 1);
    }
    far.settle('arrived');
    shipper.add('b');
    await far.called(6);
    far.settle('failed');
    await log.seen(FAILED, 5);
    const rests = log.lines.map(({ fields }) => fields).filter(fields => 'retryMs' in fields);
    expect(rests).toMatchObject([1, 2, 4, 4, 1].map(retryMs => ({ retryMs, reason: 'away', waiting: 1 })));
  });

  test('one that fails lets the others go first', async () => {
    const { far, shipper } = shipping({ atOnce: 1 });
    shipper.add('bad');
    shipper.add('good');
    far.settle('failed');
    await far.called(2);
    far.settle('arrived');
    await far.called(3);
    expect(far.calls).toEqual(['bad', 'good', 'bad']);
  });

  test('stopped, it begins nothing and does not wait for ever', async () => {
    const { far, shipper } = shipping({ atOnce: 1 });
    shipper.add('a');
    await shipper.stop();
    shipper.add('b');
    far.settle('arrived');
    // What was on its way has now come to its end.
    await shipper.stop();
    expect(far.calls).toEqual(['a']);
  });
});

describe('the room of a spool', () => {
  test('the reserve is for recordings that have begun', () => {
    const room = new SpoolRoom(100, 20);
    room.admit();
    room.take(80);
    expect(() => room.admit()).toThrow(StorageError);
    room.take(20);
    expect(() => room.take(1)).toThrow('the spool holds 100 of 100 bytes');
    room.free(50);
    room.admit();
  });
});
