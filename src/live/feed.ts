import type { Clock } from '../clock.ts';
import type { SessionView } from '../session/view.ts';
import type { FeedMessage } from './feed-message.ts';
import { BEAT_MS, CLOSE_FULL, CLOSE_STOPPING } from './feed-message.ts';
import type { ViewerSocket } from './viewer.ts';
import { Viewer } from './viewer.ts';

/** Where sessions come from: the registry, or a fake of it. */
export interface SessionSource {
  list(): readonly SessionView[];
  get(id: string): SessionView | undefined;
  on(event: 'changed', listener: (view: SessionView) => void): unknown;
  off(event: 'changed', listener: (view: SessionView) => void): unknown;
}

export interface FeedLimits {
  readonly maxViewers: number;
  /** Of one viewer, beyond its snapshot. */
  readonly maxBufferedBytes: number;
  /** Changes within this time go out as one delta, so that the cost does not grow with the churn. */
  readonly gatherMs: number;
}

export const DEFAULT_FEED_LIMITS: FeedLimits = {
  maxViewers: 500,
  maxBufferedBytes: 1024 * 1024,
  gatherMs: 100,
};

export interface FeedOptions {
  readonly sessions: SessionSource;
  readonly clock: Clock;
  /** Said in the snapshot: whether this server can play recordings. */
  readonly recordings: boolean;
  readonly limits?: Partial<FeedLimits>;
}

/**
 * Tells every viewer what changes. Each message is serialised once, whatever the number of viewers, and with no viewer
 * nothing is serialised at all.
 */
export class Feed {
  readonly #sessions: SessionSource;
  readonly #clock: Clock;
  readonly #recordings: boolean;
  readonly #limits: FeedLimits;
  readonly #viewers = new Set<Viewer>();
  /** Latest view of what has changed since the last delta. No larger than the list of sessions. */
  readonly #changed = new Map<string, SessionView>();
  /** Ended sessions that viewers know, oldest end first. */
  readonly #ended = new Set<string>();
  #seq = 0;
  #snapshot: Buffer | undefined;
  #gathering: NodeJS.Timeout | undefined;
  readonly #beating: NodeJS.Timeout;

  constructor({ sessions, clock, recordings, limits }: FeedOptions) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#recordings = recordings;
    this.#limits = { ...DEFAULT_FEED_LIMITS, ...limits };
    sessions.on('changed', this.#onChanged);
    this.#beating = setInterval(() => this.#beat(), BEAT_MS).unref();
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Takes the socket over: the snapshot at once, deltas from there on. */
  add(socket: ViewerSocket): void {
    const viewer: Viewer = new Viewer(socket, this.#limits.maxBufferedBytes, () =>
      this.#viewers.delete(viewer),
    );
    if (this.#viewers.size >= this.#limits.maxViewers) {
      viewer.close(CLOSE_FULL, 'too many viewers');
      return;
    }
    if (this.#viewers.size === 0) this.#startOver();
    if (viewer.snapshot(this.#currentSnapshot())) this.#viewers.add(viewer);
  }

  close(): void {
    this.#sessions.off('changed', this.#onChanged);
    clearInterval(this.#beating);
    clearTimeout(this.#gathering);
    for (const viewer of this.#viewers) viewer.close(CLOSE_STOPPING, 'the proxy stops');
    this.#viewers.clear();
  }

  readonly #onChanged = (view: SessionView): void => {
    if (this.#viewers.size === 0) return;
    // Anew at the end of the map: the order of a delta is that of the changes.
    this.#changed.delete(view.id);
    this.#changed.set(view.id, view);
    if (view.endedAt !== undefined) this.#ended.add(view.id);
    this.#gathering ??= setTimeout(() => this.#flush(), this.#limits.gatherMs);
  };

  /** Nobody has listened since the last delta, so what is pending is in the list anyway. */
  #startOver(): void {
    this.#changed.clear();
    this.#ended.clear();
    this.#snapshot = undefined;
    this.#seq += 1;
  }

  #currentSnapshot(): Buffer {
    if (this.#snapshot !== undefined) return this.#snapshot;
    const sessions = this.#sessions.list();
    for (const { id, endedAt } of sessions) if (endedAt !== undefined) this.#ended.add(id);
    const at = new Date(this.#clock.now()).toISOString();
    this.#snapshot = bytesOf({
      type: 'snapshot',
      seq: this.#seq,
      at,
      recordings: this.#recordings,
      sessions,
    });
    return this.#snapshot;
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const forgotten = this.#forgotten();
    if (this.#changed.size === 0 && forgotten.length === 0) return;
    for (const id of forgotten) this.#changed.delete(id);
    const sessions = [...this.#changed.values()];
    this.#changed.clear();
    this.#snapshot = undefined;
    this.#seq += 1;
    const bytes = bytesOf({ type: 'delta', seq: this.#seq, sessions, forgotten });
    for (const viewer of this.#viewers) if (!viewer.send(bytes)) this.#viewers.delete(viewer);
  }

  /** The registry forgets the longest ended first, so the first that it still has ends the search. */
  #forgotten(): string[] {
    const forgotten: string[] = [];
    for (const id of this.#ended) {
      if (this.#sessions.get(id) !== undefined) break;
      this.#ended.delete(id);
      forgotten.push(id);
    }
    return forgotten;
  }

  #beat(): void {
    if (this.#viewers.size === 0) return;
    // Listing makes the registry let go of what is too old.
    this.#sessions.list();
    this.#flush();
    const bytes = bytesOf({ type: 'beat', seq: this.#seq });
    for (const viewer of this.#viewers)
      if (!viewer.ping() || !viewer.send(bytes)) this.#viewers.delete(viewer);
  }
}

function bytesOf(message: FeedMessage): Buffer {
  return Buffer.from(JSON.stringify(message));
}
