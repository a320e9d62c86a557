import { describe, expect, test } from 'vitest';
import { readFromPrimary, readFromWorker } from '../../../src/workers/protocol.ts';
import { SAMPLES } from '../audit/samples.ts';
import { ended, session } from '../live/sessions.ts';

const ID = '11111111-1111-4111-8111-111111111111';

describe('what workers and their primary say to each other', () => {
  test.each(SAMPLES.map(event => [event.type, event] as const))(
    '%s comes through as it went',
    (_type, event) => {
      const message = { kind: 'audit', event };
      expect(readFromWorker(JSON.parse(JSON.stringify(message)))).toEqual(
        JSON.parse(JSON.stringify(message)),
      );
    },
  );

  test('views come through with all that they have, also what is new to the reader', () => {
    for (const view of [session(ID), ended(ID), { ...session(ID), later: 1 }]) {
      expect(readFromWorker({ kind: 'view', view })).toEqual({ kind: 'view', view });
    }
  });

  test.each([
    ['nothing', undefined],
    ['text', 'hello'],
    ['an unknown kind', { kind: 'hello' }],
    ['a field too many', { kind: 'here', more: 1 }],
    ['an event of no type', { kind: 'audit', event: { type: 'session.invented' } }],
    ['an event without its facts', { kind: 'audit', event: { type: 'session.started' } }],
    ['an event by nobody', { kind: 'audit', event: { ...SAMPLES[0], subject: { user: 1 } } }],
    ['a session that is no id', { kind: 'leave', sessionId: '../..' }],
    ['a negative count', { kind: 'giveSlots', what: 'requests', count: -1 }],
    ['slots of another kind', { kind: 'takeSlots', what: 'sessions', count: 1 }],
    ['a view without a state', { kind: 'view', view: { ...session(ID), state: undefined } }],
  ])('%s is refused', (_what, message) => {
    expect(() => readFromWorker(message)).toThrow('is not of the protocol');
  });

  test('what is refused is not repeated: it can hold secrets', () => {
    const start = { kind: 'start', text: 'token: hush', files: { 'a.token': 'hush' } };
    expect(() => readFromPrimary(start)).toThrow(/^a message of kind "start" is not of the protocol: \w+$/);
  });
});
