import { describe, expect, test } from 'vitest';
import type { EventObject } from 'xstate';
import { createActor, fromCallback, SimulatedClock } from 'xstate';
import type { AttemptInput, RecordersEvent } from '../../machines/recorders.ts';
import { recordersMachine } from '../../machines/recorders.ts';

function walk(recorders: readonly string[]) {
  const started: string[] = [];
  const stopped: string[] = [];
  const tell = new Map<string, (event: RecordersEvent) => void>();
  const clock = new SimulatedClock();
  const machine = recordersMachine.provide({
    actors: {
      attempt: fromCallback<EventObject, AttemptInput>(({ input, sendBack }) => {
        started.push(input.recorder);
        tell.set(input.recorder, sendBack);
        return () => stopped.push(input.recorder);
      }),
    },
  });
  const actor = createActor(machine, { input: { sessionId: 's1', recorders }, clock });
  actor.subscribe({ error: () => {} });
  actor.start();
  return {
    actor,
    clock,
    started,
    stopped,
    accept: (recorder: string) => tell.get(recorder)?.({ type: 'attempt.accepted', recorder }),
    fail: (recorder: string) => tell.get(recorder)?.({ type: 'attempt.failed', recorder }),
  };
}

describe('recorders', () => {
  test('one attempt each stagger, in list order', () => {
    const { clock, started } = walk(['a', 'b', 'c']);
    expect(started).toEqual(['a']);
    clock.increment(249);
    expect(started).toEqual(['a']);
    clock.increment(1);
    expect(started).toEqual(['a', 'b']);
    clock.increment(250);
    clock.increment(1_000);
    expect(started).toEqual(['a', 'b', 'c']);
  });

  test('a failure starts the next at once', () => {
    const { started, fail } = walk(['a', 'b']);
    fail('a');
    expect(started).toEqual(['a', 'b']);
  });

  test('the first to accept wins, whatever its place, and every attempt is stopped', () => {
    const { actor, clock, stopped, accept } = walk(['a', 'b', 'c']);
    clock.increment(250);
    accept('b');
    expect(actor.getSnapshot().output).toEqual({ kind: 'accepted', recorder: 'b' });
    expect(stopped.sort()).toEqual(['a', 'b']);
    accept('a');
    expect(actor.getSnapshot().output).toMatchObject({ recorder: 'b' });
  });

  test('exhausted only when all have failed', () => {
    const { actor, clock, fail } = walk(['a', 'b']);
    clock.increment(250);
    fail('b');
    expect(actor.getSnapshot().status).toBe('active');
    fail('a');
    expect(actor.getSnapshot().output).toEqual({ kind: 'exhausted' });
  });

  test('an empty list is exhausted at once', () => {
    expect(walk([]).actor.getSnapshot().output).toEqual({ kind: 'exhausted' });
  });

  test('stopping it stops the attempts', () => {
    const { actor, stopped } = walk(['a']);
    actor.stop();
    expect(stopped).toEqual(['a']);
  });
});
