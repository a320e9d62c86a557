import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spectators } from '../../../src/live/spectators.ts';
import { headerLine, outputLine } from '../../../src/recording/cast.ts';
import { LiveCast, LiveCastRoom } from '../../../src/recording/live-cast.ts';
import { SUBJECT } from '../recording/subject.ts';
import { FakeViewer } from './viewers.ts';

const HEADER = { version: 2, width: 80, height: 24 };

let spectators: Spectators;
let cast: LiveCast;

beforeEach(() => {
  spectators = new Spectators({ maxSpectators: 3, maxPerSession: 2, maxBufferedBytes: 300 });
  cast = new LiveCast(new LiveCastRoom());
  cast.header(headerLine(SUBJECT, { cols: 80, rows: 24 }, 0));
});

afterEach(() => spectators.close());

function watch(viewer = new FakeViewer()): FakeViewer {
  spectators.add(cast, viewer);
  return viewer;
}

const listeners = (): number => cast.listenerCount('line') + cast.listenerCount('ended');

describe('spectators', () => {
  test('are sent the past and then each line, one a message', () => {
    cast.event(outputLine(1, 'a'));
    const viewer = watch();
    cast.event(outputLine(2, 'b'));
    expect(viewer.messages).toEqual([HEADER, [1, 'o', 'a'], [2, 'o', 'b']]);
  });

  test('who reads nothing is dropped, and the others and the session go on B104', () => {
    const stalled = watch(new FakeViewer({ reads: false }));
    const reading = watch();
    for (let at = 0; at < 50; at++) cast.event(outputLine(at, 'line'));
    expect([stalled.terminated, stalled.closedWith]).toEqual([true, 4001]);
    expect(stalled.messages.length).toBeLessThan(25);
    expect(reading.messages).toHaveLength(51);
    expect([spectators.count, listeners()]).toEqual([1, 2]);
  });

  test('who would need more than the bound at once is dropped at once', () => {
    for (let at = 0; at < 50; at++) cast.event(outputLine(at, 'line'));
    const stalled = watch(new FakeViewer({ reads: false }));
    expect([stalled.terminated, spectators.count, listeners()]).toEqual([true, 0, 0]);
  });

  test('who leaves is forgotten', () => {
    const viewer = watch();
    viewer.emit('close');
    cast.event(outputLine(1, 'a'));
    expect(viewer.messages).toEqual([HEADER]);
    expect([spectators.count, listeners()]).toEqual([0, 0]);
  });

  test('the end of the session is the end of watching it', () => {
    const viewer = watch();
    cast.end();
    expect([viewer.closedWith, spectators.count]).toEqual([1000, 0]);
  });

  test('are so many for a session, and so many in all', () => {
    watch();
    watch();
    expect(watch().closedWith).toBe(4002);
    const other = new LiveCast(new LiveCastRoom());
    const there = new FakeViewer();
    spectators.add(other, there);
    const tooMany = new FakeViewer();
    spectators.add(other, tooMany);
    expect([there.closedWith, tooMany.closedWith, spectators.count]).toEqual([undefined, 4002, 3]);
  });

  test('have nothing to say', () => {
    const viewer = watch();
    viewer.emit('message');
    expect([viewer.terminated, spectators.count]).toEqual([true, 0]);
  });
});
