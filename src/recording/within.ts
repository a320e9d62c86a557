import type { RecorderAccess } from './recorder-access.ts';
import type { RecorderFailures } from './recorder-failure.ts';
import type { Timers } from './timers.ts';
import type { RecorderError } from './upload.ts';

/** What every wait of one attempt to reach a recorder needs. */
export interface Attempt {
  readonly failures: RecorderFailures;
  readonly timers: Timers;
  readonly signal?: AbortSignal;
  /** Left out: in the clear, by the address. */
  readonly access?: RecorderAccess;
}

export interface Settle<Value> {
  resolve(value: Value): void;
  reject(error: RecorderError): void;
}

/**
 * Waits for what `listen` hears first, for at most `limitMs`, and no longer than the attempt's signal allows. `listen`
 * returns what takes its listeners off again; that runs before the wait settles, however it does.
 */
export function within<Value>(
  attempt: Attempt,
  limitMs: number,
  waitingFor: string,
  listen: (settle: Settle<Value>) => () => void,
): Promise<Value> {
  const { failures, timers, signal } = attempt;
  return new Promise((resolve, reject) => {
    let settled = false;
    const once = (then: () => void): void => {
      if (settled) return;
      settled = true;
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
      unlisten();
      then();
    };
    const onAbort = (): void => once(() => reject(cancelled(failures)));
    const cancelTimer = timers.after(limitMs, () =>
      once(() => reject(failures.say('timeout', 'connect', `no ${waitingFor} within ${limitMs} ms`))),
    );
    signal?.addEventListener('abort', onAbort);
    const unlisten = listen({
      resolve: value => once(() => resolve(value)),
      reject: error => once(() => reject(error)),
    });
    if (signal?.aborted) onAbort();
  });
}

function cancelled(failures: RecorderFailures): RecorderError {
  return failures.say('reset', 'connect', 'the attempt was given up');
}
