import { describe, expect, test } from 'vitest';
import { chartOf } from '../../../../machines/chart-model.ts';
import { CONTRACT_DEPTH } from '../../../../machines/chart-styles.ts';
import { sessionMachine } from '../../../../machines/session.ts';
import { takenPath } from '../../../../src/live/page/taken-path.ts';
import { at } from '../sessions.ts';

const { arrows } = chartOf(sessionMachine, CONTRACT_DEPTH);
const steps = (...path: [string, string][]) => path.map(([event, state]) => ({ state, event, at: at(0) }));

describe('takenPath', () => {
  test('follows the arrows of the real machine', () => {
    const { states, arrows: taken } = takenPath(
      arrows,
      steps(
        ['session.requested', 'deciding'],
        ['decide.done', 'connectingRecorders'],
        ['connectRecorders.done', 'joined.streaming'],
        ['recorder.lost', 'joined.streaming'],
        ['handoverLimit.passed', 'joined.failingOpen'],
        ['upstream.ended', 'ending'],
        ['finish.done', 'closed'],
      ),
    );
    expect([...taken]).toEqual([
      'deciding connectingRecorders',
      'connectingRecorders joined.streaming',
      'joined.streaming joined.failingOpen',
      'joined ending',
      'ending closed',
    ]);
    expect(states).toEqual(
      new Set([
        'deciding',
        'connectingRecorders',
        'joined',
        'joined.streaming',
        'joined.failingOpen',
        'ending',
        'closed',
      ]),
    );
  });

  test.each([
    ['recorder.failed', 'joined.streaming failingClosed'],
    ['upstream.failed', 'joined failingClosed'],
  ])('from streaming, %s takes %s', (event, arrow) => {
    const { arrows: taken } = takenPath(
      arrows,
      steps(['connectRecorders.done', 'joined.streaming'], [event, 'failingClosed']),
    );
    expect([...taken]).toEqual([arrow]);
  });
});
