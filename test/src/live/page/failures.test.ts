import { describe, expect, test } from 'vitest';
import { failureOf, failuresOf, grouped } from '../../../../src/live/page/failures.ts';
import type { SessionView } from '../../../../src/session/view.ts';
import { at, ended, session } from '../sessions.ts';

const UNAVAILABLE = { code: 'KW_RECORDER_UNAVAILABLE', message: 'no recorder' };
const opened = (event: string, ms = 30) => ({
  transitions: [
    { state: 'connectingRecorders', event: 'decide.done', at: at(5) },
    { state: 'joined.failingOpen', event, at: at(ms) },
  ],
});

describe('failureOf', () => {
  test.each<[string, SessionView, string]>([
    [
      'goes on unrecorded',
      session('a', { state: 'joined.failingOpen', ...opened('handOver.done') }),
      'open:handOver.done',
    ],
    [
      'went on unrecorded',
      ended('a', { outcome: 'unrecorded', ...opened('recorderLimit.passed') }),
      'open:recorderLimit.passed',
    ],
    ['came back to a recorder, with a gap', session('a', opened('recorder.failed')), 'open:recorder.failed'],
    [
      'was not confirmed',
      ended('a', { outcome: 'unrecorded', cause: { code: 'recorder.unconfirmed', message: 'x' } }),
      'recorder.unconfirmed',
    ],
    [
      'was refused for want of a recorder',
      ended('a', { outcome: 'refused', cause: UNAVAILABLE }),
      'KW_RECORDER_UNAVAILABLE',
    ],
    [
      'found the fail-open budget used up',
      ended('a', { outcome: 'refused', cause: { code: 'KW_FAIL_OPEN_BUDGET', message: 'used up' } }),
      'KW_FAIL_OPEN_BUDGET',
    ],
    [
      'is being refused',
      session('a', { state: 'failingClosed', cause: UNAVAILABLE }),
      'KW_RECORDER_UNAVAILABLE',
    ],
    [
      'was ended in mid-session',
      ended('a', { outcome: 'terminated', cause: UNAVAILABLE }),
      'KW_RECORDER_UNAVAILABLE',
    ],
  ])('a session that %s is one', (_name, view, code) => {
    expect(failureOf(view)?.code).toBe(code);
  });

  test.each<[string, SessionView]>([
    ['is recorded', session('a')],
    ['was recorded', ended('a')],
    [
      'was refused by rule',
      ended('a', { outcome: 'refused', cause: { code: 'KW_FORBIDDEN', message: 'no' } }),
    ],
    ['passed', ended('a', { outcome: 'passed' })],
    ['was aborted', ended('a', { outcome: 'aborted' })],
  ])('a session that %s is none', (_name, view) => {
    expect(failureOf(view)).toBeUndefined();
  });

  test('every reason is a sentence for people', () => {
    const reasons = [
      'connectRecorders.done',
      'connectRecorders.failed',
      'recorderLimit.passed',
      'recorder.failed',
      'handOver.done',
      'handOver.failed',
      'handoverLimit.passed',
    ];
    for (const event of reasons) {
      expect(failureOf(ended('a', { outcome: 'unrecorded', ...opened(event) }))?.reason).toMatch(/recorder/);
    }
  });
});

test('failures are grouped by cause and recorder, the most frequent first, the newest first within', () => {
  const all = [
    ended('a', { outcome: 'unrecorded', ...opened('recorder.failed', 10) }),
    ended('b', { outcome: 'unrecorded', recorder: 'other:80', ...opened('recorder.failed', 20) }),
    ended('c', { outcome: 'unrecorded', ...opened('recorder.failed', 30) }),
    ended('d'),
  ];
  expect(
    grouped(failuresOf(all)).map(({ recorder, failures }) => [recorder, failures.map(f => f.session.id)]),
  ).toEqual([
    ['rec:80', ['c', 'a']],
    ['other:80', ['b']],
  ]);
});
