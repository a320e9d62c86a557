import type { Unrecorded } from '../../../src/live/unrecorded.ts';
import { at } from './sessions.ts';

/** A reason, with what a test wants different. */
export function unrecorded(changes: Partial<Unrecorded> = {}): Unrecorded {
  return {
    sessionId: 's1',
    replica: 'one-00000001',
    at: at(0),
    user: 'ann',
    namespace: 'default',
    pod: 'web',
    command: ['sh'],
    phase: 'connect',
    kind: 'refused',
    recorder: 'rec:80',
    message: 'no recorder accepted the recording',
    action: 'continuedUnrecorded',
    recovered: false,
    ...changes,
  };
}
