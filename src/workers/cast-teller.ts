import type { LiveCast } from '../recording/live-cast.ts';
import type { Channel } from './channel.ts';
import type { FromWorker } from './protocol.ts';

/** Of one session, while the primary is slow. Past it its watchers are cut off, and may come again. Bytes. */
export const MAX_HELD_BYTES = 1024 * 1024;

interface Watched {
  readonly cast: LiveCast;
  readonly onLine: (line: Buffer) => void;
  readonly onEnded: () => void;
  held: string[];
  heldBytes: number;
}

/** Sends the casts of sessions that somebody watches to the primary, and those of no others. */
export class CastTeller {
  readonly #channel: Channel<FromWorker>;
  readonly #liveCast: (sessionId: string) => LiveCast | undefined;
  readonly #watched = new Map<string, Watched>();
  #planned = false;

  constructor(channel: Channel<FromWorker>, liveCast: (sessionId: string) => LiveCast | undefined) {
    this.#channel = channel;
    this.#liveCast = liveCast;
  }

  watch(sessionId: string): void {
    if (this.#watched.has(sessionId)) return;
    const cast = this.#liveCast(sessionId);
    if (cast === undefined) {
      this.#channel.send({ kind: 'castOver', sessionId, how: 'ended' });
      return;
    }
    const watched: Watched = {
      cast,
      held: [],
      heldBytes: 0,
      onLine: line => this.#hold(sessionId, watched, line),
      onEnded: () => this.#over(sessionId, watched, 'ended'),
    };
    this.#watched.set(sessionId, watched);
    cast.on('line', watched.onLine);
    cast.on('ended', watched.onEnded);
    for (const line of cast.past()) this.#hold(sessionId, watched, line);
  }

  unwatch(sessionId: string): void {
    const watched = this.#watched.get(sessionId);
    if (watched === undefined) return;
    this.#watched.delete(sessionId);
    watched.cast.off('line', watched.onLine);
    watched.cast.off('ended', watched.onEnded);
  }

  /** What was held back goes on its way. */
  drained(): void {
    for (const [sessionId, watched] of this.#watched) this.#send(sessionId, watched);
  }

  #hold(sessionId: string, watched: Watched, line: Buffer): void {
    watched.held.push(line.toString());
    watched.heldBytes += line.length;
    if (watched.heldBytes > MAX_HELD_BYTES && this.#channel.congested) {
      watched.held = [];
      this.#over(sessionId, watched, 'cut');
      return;
    }
    if (this.#planned) return;
    this.#planned = true;
    // What one turn of the event loop brings is one message.
    setImmediate(() => {
      this.#planned = false;
      if (!this.#channel.congested) this.drained();
    });
  }

  #send(sessionId: string, watched: Watched): void {
    if (watched.held.length === 0) return;
    this.#channel.send({ kind: 'castLines', sessionId, lines: watched.held });
    watched.held = [];
    watched.heldBytes = 0;
  }

  #over(sessionId: string, watched: Watched, how: 'ended' | 'cut'): void {
    this.#send(sessionId, watched);
    this.unwatch(sessionId);
    this.#channel.send({ kind: 'castOver', sessionId, how });
  }
}
