import { expect, test } from 'vitest';
import { AllSessions } from '../../../src/live/all-sessions.ts';
import type { SessionView } from '../../../src/session/view.ts';
import { ended, FakeSessions, session } from './sessions.ts';

/** What the audit knows of other replicas. */
class FakeOthers extends FakeSessions {
  others(): SessionView[] {
    return this.list();
  }

  other(id: string): SessionView | undefined {
    return this.get(id);
  }
}

test('lists live sessions before ended ones, each with its replica, and its own once', () => {
  const own = new FakeSessions();
  const others = new FakeOthers();
  own.change(ended('a'));
  own.change(session('b'));
  others.change(session('c', { replica: 'two' }));
  others.change(session('b', { replica: 'two' }));
  const all = new AllSessions(own, others, 'one');
  expect(all.list().map(({ id, replica, elsewhere }) => [id, replica, elsewhere])).toEqual([
    ['b', 'one', undefined],
    ['c', 'two', true],
    ['a', 'one', undefined],
  ]);
  expect([all.get('b'), all.get('c'), all.get('d')]).toMatchObject([
    { replica: 'one' },
    { replica: 'two', elsewhere: true },
    undefined,
  ]);
});

test('tells of both, of its own first hand only, and of none once it is closed', () => {
  const own = new FakeSessions();
  const others = new FakeOthers();
  const all = new AllSessions(own, others, 'one');
  const told: string[] = [];
  all.on('changed', ({ id, replica, elsewhere }) => told.push(`${id} ${replica} ${elsewhere ?? 'here'}`));
  own.change(session('a'));
  others.change(session('a', { replica: 'two' }));
  others.change(session('b', { replica: 'two' }));
  expect(told).toEqual(['a one here', 'b two true']);
  all.close();
  expect([own.watchers, others.watchers]).toEqual([0, 0]);
});
