import type { EventObject, NonReducibleUnknown } from 'xstate';
import { fromCallback, fromPromise } from 'xstate';

/**
 * Typed placeholders for the work that `src/session/` provides. A machine run without it fails by name instead of
 * pretending to work.
 */
export function absentPromise<Output, Input extends NonReducibleUnknown>(name: string) {
  return fromPromise<Output, Input>(() => Promise.reject(new Error(`actor '${name}' was not provided`)));
}

export function absentCallback<Event extends EventObject, Input extends NonReducibleUnknown>(name: string) {
  return fromCallback<Event, Input>(() => {
    throw new Error(`actor '${name}' was not provided`);
  });
}
