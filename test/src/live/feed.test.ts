import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Feed } from '../../../src/live/feed.ts';
import { BEAT_MS, CLOSE_FULL, CLOSE_SLOW, CLOSE_STOPPING } from '../../../src/live/feed-message.ts';
import { type Mirror, mirrored } from '../../../src/live/feed-mirror.ts';
import { at, ended, FakeSessions, session } from './sessions.ts';
import { FakeViewer } from './viewers.ts';

const clock = { now: () => Date.parse(at(0)), monotonic: () => 0 };
const GATHER_MS = 100;

let sessions: FakeSessions;
let feed: Feed;

beforeEach(() => {
  vi.useFakeTimers();
  sessions = new FakeSessions();
  feed = new Feed({ sessions, clock, recordings: false, limits: { maxViewers: 200, gatherMs: GATHER_MS } });
});

afterEach(() => {
  feed.close();
  vi.useRealTimers();
});

function joined(viewer = new FakeViewer()): FakeViewer {
  feed.add(viewer);
  return viewer;
}

/** What a page makes of what it was told. */
function mirrorOf(viewer: FakeViewer): Mirror | undefined {
  return viewer.messages.reduce<Mirror | undefined>(
    (mirror, message) => mirrored(mirror, message),
    undefined,
  );
}

describe('feed', () => {
  test('begins with all there is', () => {
    sessions.change(session('a'));
    sessions.change(ended('b'));
    expect(joined().messages).toEqual([
      {
        type: 'snapshot',
        seq: 1,
        at: at(0),
        recordings: false,
        sandbox: false,
        sessions: [session('a'), ended('b')],
      },
    ]);
  });

  test('gathers what changes into one delta, each session once and as it is last', () => {
    const viewer = joined();
    sessions.change(session('a', { state: 'deciding' }));
    sessions.change(session('b'));
    sessions.change(session('a', { state: 'joined.failingOpen' }));
    expect(viewer.messages).toHaveLength(1);
    vi.advanceTimersByTime(GATHER_MS);
    expect(viewer.messages.slice(1)).toEqual([
      {
        type: 'delta',
        seq: 2,
        sessions: [session('b'), session('a', { state: 'joined.failingOpen' })],
        forgotten: [],
      },
    ]);
  });

  test('one who joins in the middle gets a snapshot from which the next delta goes on', () => {
    joined();
    sessions.change(session('a'));
    const late = joined();
    sessions.change(session('a', { state: 'ending' }));
    vi.advanceTimersByTime(GATHER_MS);
    expect(mirrorOf(late)?.sessions.get('a')?.state).toBe('ending');
  });

  test('tells which ended sessions are no longer listed', () => {
    sessions.change(ended('old'));
    const viewer = joined();
    sessions.change(ended('new'));
    sessions.forget('old');
    vi.advanceTimersByTime(GATHER_MS);
    expect(viewer.last).toMatchObject({ forgotten: ['old'] });
    sessions.forget('new');
    vi.advanceTimersByTime(BEAT_MS);
    expect([...(mirrorOf(viewer)?.sessions.keys() ?? [])]).toEqual([]);
  });

  test('a beat repeats the number of the last delta', () => {
    const viewer = joined();
    vi.advanceTimersByTime(BEAT_MS);
    expect(viewer.last).toEqual({ type: 'beat', seq: 1 });
  });

  test('a viewer that answers no ping is dropped at the next beat', () => {
    const viewer = joined();
    viewer.alive = false;
    vi.advanceTimersByTime(BEAT_MS);
    expect(viewer.terminated).toBe(false);
    vi.advanceTimersByTime(BEAT_MS);
    expect(viewer.terminated).toBe(true);
    expect(feed.viewers).toBe(0);
  });

  test('a viewer that talks, or breaks, is dropped', () => {
    const talker = joined();
    const broken = joined();
    talker.emit('message');
    broken.emit('error', new Error('reset'));
    expect(feed.viewers).toBe(0);
  });

  test('a viewer that does not keep up is dropped and the others are told on', () => {
    feed.close();
    feed = new Feed({
      sessions,
      clock,
      recordings: false,
      limits: { maxBufferedBytes: 4096, gatherMs: GATHER_MS },
    });
    const slow = joined(new FakeViewer({ reads: false }));
    const quick = joined();
    for (let round = 0; round < 20; round++) {
      sessions.change(session(`s${round}`));
      vi.advanceTimersByTime(GATHER_MS);
      expect(slow.bufferedAmount).toBeLessThanOrEqual(4096 + 1024);
    }
    expect([slow.closedWith, slow.terminated, feed.viewers]).toEqual([CLOSE_SLOW, true, 1]);
    expect(mirrorOf(quick)?.sessions.size).toBe(20);
  });

  test('the snapshot may be larger than the bound, but only until it is read', () => {
    feed.close();
    for (let n = 0; n < 20; n++) sessions.change(session(`s${n}`));
    feed = new Feed({
      sessions,
      clock,
      recordings: false,
      limits: { maxBufferedBytes: 1024, gatherMs: GATHER_MS },
    });
    const viewer = joined(new FakeViewer({ reads: false }));
    sessions.change(session('x'));
    vi.advanceTimersByTime(GATHER_MS);
    expect(viewer.closedWith).toBeUndefined();
    viewer.drain();
    sessions.change(session('y'));
    vi.advanceTimersByTime(GATHER_MS);
    expect(viewer.closedWith).toBeUndefined();
    sessions.change(session('z'));
    vi.advanceTimersByTime(GATHER_MS);
    expect(viewer.closedWith).toBe(CLOSE_SLOW);
  });

  test('the viewer over the limit is sent away, and says nothing to the rest', () => {
    for (let n = 0; n < 200; n++) joined();
    const over = joined();
    expect([over.closedWith, over.messages.length, feed.viewers]).toEqual([CLOSE_FULL, 0, 200]);
  });

  test('200 viewers see 1,000 churning sessions, and the cost is one list and one text per delta B104', () => {
    const viewers = Array.from({ length: 200 }, () => joined());
    expect(sessions.listed).toBe(1);
    const stringify = vi.spyOn(JSON, 'stringify');
    for (let n = 0; n < 1000; n++) {
      sessions.change(session(`s${n}`));
      sessions.change(session(`s${n}`, { state: 'joined.failingOpen' }));
      if (n % 2 === 0) sessions.change(ended(`s${n}`));
    }
    vi.advanceTimersByTime(GATHER_MS);
    expect(stringify).toHaveBeenCalledTimes(1);
    stringify.mockRestore();
    for (const viewer of viewers) expect(viewer.messages).toHaveLength(2);
    expect(mirrorOf(viewers[199] ?? new FakeViewer())?.sessions).toEqual(
      new Map(sessions.list().map(view => [view.id, view])),
    );
    for (const viewer of viewers) viewer.terminate();
    expect(feed.viewers).toBe(0);
  });

  test('without viewers nothing is gathered and nothing is written', () => {
    joined().terminate();
    const stringify = vi.spyOn(JSON, 'stringify');
    sessions.change(session('a'));
    vi.advanceTimersByTime(BEAT_MS);
    expect(stringify).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(1);
    stringify.mockRestore();
    expect(mirrorOf(joined())?.sessions.has('a')).toBe(true);
  });

  test('closing tells the viewers and leaves nothing behind', () => {
    const viewer = joined();
    sessions.change(session('a'));
    feed.close();
    expect([viewer.closedWith, sessions.watchers, vi.getTimerCount()]).toEqual([CLOSE_STOPPING, 0, 0]);
  });
});
