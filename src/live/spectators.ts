import type { LiveCast } from '../recording/live-cast.ts';
import { BEAT_MS, CLOSE_ENDED, CLOSE_FULL, CLOSE_STOPPING } from './feed-message.ts';
import type { ViewerSocket } from './viewer.ts';
import { Viewer } from './viewer.ts';

export interface SpectatorLimits {
  readonly maxSpectators: number;
  readonly maxPerSession: number;
  /** Of one spectator. Several times what a late one is sent first. */
  readonly maxBufferedBytes: number;
}

export const DEFAULT_SPECTATOR_LIMITS: SpectatorLimits = {
  maxSpectators: 200,
  maxPerSession: 16,
  maxBufferedBytes: 1024 * 1024,
};

type Cast = Pick<LiveCast, 'past' | 'on' | 'off'>;

/**
 * Those who watch sessions that run: each is sent the cast so far and then every line of it, one a message. Nobody waits
 * for a spectator; one that does not keep up is dropped, and may come again.
 */
export class Spectators {
  readonly #limits: SpectatorLimits;
  readonly #viewers = new Set<Viewer>();
  readonly #perCast = new Map<Cast, number>();
  readonly #beating: NodeJS.Timeout;

  constructor(limits: Partial<SpectatorLimits> = {}) {
    this.#limits = { ...DEFAULT_SPECTATOR_LIMITS, ...limits };
    this.#beating = setInterval(() => this.#beat(), BEAT_MS).unref();
  }

  get count(): number {
    return this.#viewers.size;
  }

  /** Takes the socket over. */
  add(cast: Cast, socket: ViewerSocket): void {
    const here = this.#perCast.get(cast) ?? 0;
    const leave = (): void => {
      if (!this.#viewers.delete(viewer)) return;
      cast.off('line', onLine);
      cast.off('ended', onEnded);
      const left = (this.#perCast.get(cast) ?? 1) - 1;
      if (left === 0) this.#perCast.delete(cast);
      else this.#perCast.set(cast, left);
    };
    const viewer = new Viewer(socket, this.#limits.maxBufferedBytes, leave);
    // One that is dropped is told by its socket's end, as is one that leaves.
    const onLine = (line: Buffer): void => {
      viewer.send(line);
    };
    const onEnded = (): void => {
      leave();
      viewer.close(CLOSE_ENDED, 'the session has ended');
    };
    if (this.#viewers.size >= this.#limits.maxSpectators || here >= this.#limits.maxPerSession) {
      viewer.close(CLOSE_FULL, 'too many spectators');
      return;
    }
    this.#viewers.add(viewer);
    this.#perCast.set(cast, here + 1);
    cast.on('line', onLine);
    cast.on('ended', onEnded);
    for (const line of cast.past()) viewer.send(line);
  }

  close(): void {
    clearInterval(this.#beating);
    for (const viewer of this.#viewers) viewer.close(CLOSE_STOPPING, 'the proxy stops');
  }

  /** One that has gone without a word is told by its socket's end. */
  #beat(): void {
    for (const viewer of this.#viewers) viewer.ping();
  }
}
