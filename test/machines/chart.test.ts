import { describe, expect, test } from 'vitest';
import { layOut } from '../../machines/chart-layout.ts';
import { chartOf, eventLabel } from '../../machines/chart-model.ts';
import { CONTRACT_DEPTH, DOCUMENT, NARROW, WIDE } from '../../machines/chart-styles.ts';
import { chartSvg } from '../../machines/chart-svg.ts';
import { sessionMachine } from '../../machines/session.ts';
import { eventName } from '../../src/session/observe.ts';
import { layoutEngine } from '../support/layout-engine.ts';

const chart = chartOf(sessionMachine, CONTRACT_DEPTH);

describe('chart', () => {
  test('has the states of the contract and no others', () => {
    expect(chart.states.map(({ name }) => name)).toEqual([
      'deciding',
      'connectingRecorders',
      'joined',
      'joined.passing',
      'joined.streaming',
      'joined.failingOpen',
      'failingClosed',
      'ending',
      'closed',
    ]);
  });

  test('draws one arrow between two states, whatever leads along it', () => {
    const pairs = chart.arrows.map(({ from, to }) => `${from} ${to}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    expect(chart.arrows).toContainEqual({
      from: 'connectingRecorders',
      to: 'joined.failingOpen',
      events: ['connectRecorders.done', 'connectRecorders.failed', 'recorderLimit.passed'],
    });
  });

  test('gives the root’s arrows to the states in which they can be taken', () => {
    const stopped = chart.arrows.filter(({ events }) => events.includes('session.stopped'));
    expect(stopped.map(({ from, to }) => `${from} ${to}`)).toEqual([
      'deciding failingClosed',
      'connectingRecorders failingClosed',
      'joined failingClosed',
    ]);
  });

  test('what happens among states that are not drawn is not drawn', () => {
    expect(chart.arrows.some(({ from, to }) => from === to)).toBe(false);
  });

  test.each([...sessionMachine.events, 'xstate.init-like'])(
    'calls %s what a session’s list calls it',
    type => {
      expect(eventLabel(type)).toBe(eventName(type));
    },
  );
});

describe.each([
  ['document', DOCUMENT],
  ['wide', WIDE],
  ['narrow', NARROW],
])('%s layout', (_name, style) => {
  test('keeps every state within the picture and its parent, and none over another', async () => {
    const layout = await layOut(chart, style, layoutEngine());
    const leaves = layout.states.filter(({ compound }) => !compound);
    for (const state of layout.states) {
      const outer = layout.states.find(({ name }) => name === state.parent) ?? { x: 0, y: 0, ...layout };
      expect(state.x).toBeGreaterThan(outer.x);
      expect(state.y).toBeGreaterThan(outer.y);
      expect(state.x + state.width).toBeLessThan(outer.x + outer.width);
      expect(state.y + state.height).toBeLessThan(outer.y + outer.height);
    }
    for (const a of leaves) {
      for (const b of leaves) {
        if (a === b) continue;
        const apart =
          a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect([a.name, b.name, apart]).toEqual([a.name, b.name, true]);
      }
    }
    expect(layout.arrows).toHaveLength(chart.arrows.length);
  });
});

test('the picture says every state and every event, and nothing in it is markup', async () => {
  const svg = chartSvg(await layOut(chart, DOCUMENT, layoutEngine()), 'a <b> & "c"');
  for (const { key } of chart.states) expect(svg).toContain(`>${key}</text>`);
  for (const { events } of chart.arrows)
    for (const event of events) expect(svg).toContain(`>${event}</text>`);
  expect(svg).toContain('<title>a &#60;b&#62; &#38; &#34;c&#34;</title>');
});
