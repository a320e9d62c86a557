import { performance } from 'node:perf_hooks';

/** Where time comes from; passed in so that tests own it. */
export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. May step. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
