import { describe, expect, test } from 'vitest';
import { CertificateKeeper } from '../../../src/tailscale/certificate-keeper.ts';
import type { CertificatePair } from '../../../src/tailscale/certificate-pair.ts';
import { LocalApiError } from '../../../src/tailscale/local-api-error.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const pair = (validFrom: number, validTo: number): CertificatePair => ({
  cert: `cert ${validTo}`,
  key: 'key',
  validFrom,
  validTo,
});

/** A keeper whose clock, timer and tailscaled are the test's. */
function keeping(first: CertificatePair) {
  const answers: (CertificatePair | Error)[] = [first];
  const asked: number[] = [];
  const seen: string[] = [];
  let now = 0;
  let longestWait = 0;
  let timer: { at: number; then: () => void } | undefined;
  const keeper = new CertificateKeeper({
    fetch: async minValidityMs => {
      asked.push(minValidityMs);
      const answer = answers.shift();
      if (answer === undefined) throw new Error('not expected');
      if (answer instanceof Error) throw answer;
      return answer;
    },
    clock: { now: () => now, monotonic: () => now },
    after: (ms, then) => {
      longestWait = Math.max(longestWait, ms);
      const mine = { at: now + ms, then };
      timer = mine;
      return () => {
        if (timer === mine) timer = undefined;
      };
    },
    changed: ({ validTo }) => seen.push(`changed ${validTo / DAY}`),
    failed: (error, retryMs) => seen.push(`failed ${String(error)} ${retryMs}`),
  });
  return {
    keeper,
    answers,
    asked,
    seen,
    get longestWait() {
      return longestWait;
    },
    get waiting() {
      return timer !== undefined;
    },
    /** Lets time pass, with everything that falls due in it. */
    async until(time: number): Promise<void> {
      while (timer !== undefined && timer.at <= time) {
        const due = timer;
        timer = undefined;
        now = due.at;
        due.then();
        // A renewal answers within some turns of the queue of promises.
        await new Promise(resolve => setImmediate(resolve));
      }
      now = time;
    },
  };
}

describe('a kept certificate', () => {
  test('is renewed when two thirds of its life have passed, and asked for anew', async () => {
    const kept = keeping(pair(0, 90 * DAY));
    expect(await kept.keeper.start()).toMatchObject({ validTo: 90 * DAY });
    await kept.until(60 * DAY - 1);
    expect(kept.asked).toEqual([0]);
    kept.answers.push(pair(60 * DAY, 150 * DAY));
    await kept.until(60 * DAY);
    expect(kept.seen).toEqual(['changed 90', 'changed 150']);
    // The old one holds for 30 days more, and would do for anything less.
    expect(kept.asked[1]).toBeGreaterThan(30 * DAY);
    // Timers cannot hold such a time, and stand still in a machine that sleeps.
    expect(kept.longestWait).toBe(DAY / 2);
  });

  test('stays in use while it cannot be renewed; the pauses grow up to an hour', async () => {
    const kept = keeping(pair(0, 3 * HOUR));
    await kept.keeper.start();
    kept.answers.push(...Array.from({ length: 8 }, () => new Error('no')), pair(2 * HOUR, 26 * HOUR));
    await kept.until(12 * HOUR);
    const pauses = kept.seen
      .filter(line => line.startsWith('failed'))
      .map(line => Number(line.split(' ').at(-1)));
    expect(pauses.map(ms => ms / 60_000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(kept.seen.filter(line => line.startsWith('changed'))).toHaveLength(2);
  });

  test('waits for as long as the other side asks, within a day', async () => {
    const kept = keeping(pair(0, 3 * HOUR));
    await kept.keeper.start();
    const limited = (retryAfterMs: number) => new LocalApiError('unavailable', 'limited', { retryAfterMs });
    kept.answers.push(limited(5 * HOUR), limited(1), limited(365 * DAY));
    await kept.until(2 * HOUR);
    await kept.until(7 * HOUR);
    expect(kept.asked).toHaveLength(3);
    await kept.until(8 * HOUR);
    expect(kept.seen.slice(1).map(line => Number(line.split(' ').at(-1)))).toEqual([5 * HOUR, 120_000, DAY]);
  });

  test('that comes again as it was is a failure', async () => {
    const kept = keeping(pair(0, 3 * HOUR));
    await kept.keeper.start();
    kept.answers.push(pair(0, 3 * HOUR));
    await kept.until(2 * HOUR);
    expect(kept.seen).toEqual(['changed 0.125', expect.stringContaining('the old certificate again')]);
  });

  test('that is over when it comes is not asked for in a loop', async () => {
    const kept = keeping(pair(-3 * HOUR, -HOUR));
    await kept.keeper.start();
    await kept.until(59_999);
    expect(kept.asked).toEqual([0]);
  });

  test('is not kept when the first cannot be had', async () => {
    const kept = keeping(pair(0, 1));
    kept.answers[0] = new LocalApiError('notLoggedIn', 'no');
    await expect(kept.keeper.start()).rejects.toMatchObject({ kind: 'notLoggedIn' });
    expect(kept.waiting).toBe(false);
  });

  test('is left alone once closed, also by an answer under way', async () => {
    const kept = keeping(pair(0, 3 * HOUR));
    await kept.keeper.start();
    kept.keeper.close();
    expect(kept.waiting).toBe(false);

    const late = keeping(pair(0, 3 * HOUR));
    const started = late.keeper.start();
    late.keeper.close();
    await started;
    expect(late.seen).toEqual([]);
    expect(late.waiting).toBe(false);
  });
});
