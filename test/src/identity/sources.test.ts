import { describe, expect, test } from 'vitest';
import { WitnessError } from '../../../src/errors.ts';
import type { CallerSource, Verdict } from '../../../src/identity/authenticate.ts';
import { firstThatKnows } from '../../../src/identity/sources.ts';
import type { Caller } from '../../../src/policy/caller.ts';

const caller = (user: string): Caller => ({ user, groups: [], source: 'static', rules: [] });
const known = (user: string): Verdict => ({ kind: 'known', caller: caller(user) });
const notMine = (shown: boolean, message: string, relayed = false): Verdict => ({
  kind: 'notMine',
  shown,
  relayed,
  refusal: new WitnessError('KW_FORBIDDEN', message),
});

/** Sources that say what they are told to, and who of them was asked. */
function asking(...answers: (readonly ['bearerToken' | 'connection', Verdict | WitnessError])[]) {
  const asked: number[] = [];
  const sources = answers.map(
    ([reads, answer], at): CallerSource => ({
      name: 'static',
      reads,
      find: async () => {
        asked.push(at);
        if (answer instanceof WitnessError) throw answer;
        return answer;
      },
    }),
  );
  return { asked, found: firstThatKnows(sources)({ rawHeaders: [], remoteAddress: undefined }) };
}

const NONE = notMine(false, 'nothing was shown');
const UNKNOWN = notMine(true, 'what was shown is not known');
const DOWN = new WitnessError('KW_IDENTITY_UNAVAILABLE', 'down');

describe('sources in order', () => {
  test('the first that knows is believed, and none after it is asked', async () => {
    const { asked, found } = asking(
      ['bearerToken', NONE],
      ['connection', known('b')],
      ['connection', known('c')],
    );
    expect(await found).toMatchObject({ user: 'b' });
    expect(asked).toEqual([0, 1]);
  });

  test.each([
    DOWN,
    new WitnessError('KW_RULES_UNREADABLE', 'cannot be read'),
    new WitnessError('KW_UNAUTHENTICATED', 'revoked'),
  ])('an error is the last word: $code', async error => {
    const { asked, found } = asking(['connection', error], ['connection', known('weaker')]);
    await expect(found).rejects.toBe(error);
    expect(asked).toEqual([0]);
  });

  test('a token that one does not know may be known by another that reads tokens', async () => {
    const { found } = asking(['bearerToken', UNKNOWN], ['bearerToken', known('b')]);
    expect(await found).toMatchObject({ user: 'b' });
  });

  test('a token that nobody knows is never as if there were none', async () => {
    const { asked, found } = asking(
      ['bearerToken', UNKNOWN],
      ['connection', known('device')],
      ['bearerToken', notMine(true, 'nor here')],
    );
    await expect(found).rejects.toThrow('what was shown is not known');
    expect(asked).toEqual([0, 2]);
  });

  test('behind a relay that names nobody, the connection of the relay makes nobody known; a token may', async () => {
    const relay = notMine(true, 'the relay names nobody', true);
    const alone = asking(['connection', relay], ['connection', known('relay')]);
    await expect(alone.found).rejects.toThrow('the relay names nobody');
    expect(alone.asked).toEqual([0]);
    const { found } = asking(
      ['connection', relay],
      ['connection', known('relay')],
      ['bearerToken', known('b')],
    );
    expect(await found).toMatchObject({ user: 'b' });
  });

  test('a connection that one does not know may have another credential', async () => {
    const { found } = asking(['connection', UNKNOWN], ['bearerToken', known('b')]);
    expect(await found).toMatchObject({ user: 'b' });
  });

  test('one source says itself why it does not know the caller', async () => {
    await expect(asking(['connection', UNKNOWN]).found).rejects.toMatchObject({
      code: 'KW_FORBIDDEN',
      message: 'what was shown is not known',
    });
  });

  test('several say so together', async () => {
    await expect(asking(['connection', UNKNOWN], ['bearerToken', NONE]).found).rejects.toMatchObject({
      code: 'KW_UNAUTHENTICATED',
      message: 'you are not known here: what was shown is not known; nothing was shown',
    });
  });

  test('without any source nobody is known', async () => {
    await expect(asking().found).rejects.toMatchObject({ code: 'KW_UNAUTHENTICATED' });
  });

  test('no source speaks in our name', async () => {
    const extra = { 'kubewitness.dev/original-user': ['x'], 'kubewitness.dev/session': ['y'], team: ['a'] };
    const answer: Verdict = { kind: 'known', caller: { ...caller('a'), extra } };
    expect((await asking(['connection', answer]).found).extra).toEqual({ team: ['a'] });
  });
});
