import type { Duplex } from 'node:stream';
import type { Violation, WireReader } from '../wire/codec.ts';

export interface PumpEvents {
  /** The peer broke the protocol. Everything valid before it has been forwarded; nothing more will be. */
  violated(violation: Violation): void;
  /** `from` has ended and all its bytes were handed to `to`. */
  ended(): void;
}

/** What can hold a direction back: the far socket is full, the recording is, or it is the others' turn. */
export type HoldReason = 'socket' | 'recording' | 'turn';

/**
 * Bytes of one direction between two turns of the event loop. A socket with more at hand would be read again and again
 * before any other (libuv reads up to 32 times): with frames of one byte each that is a quarter of a million frames,
 * and every other session would stand still for them (rancher/rancher#1836).
 */
export const MAX_TURN_BYTES = 64 * 1024;

/**
 * One direction of a session: reads `from`, lets the reader judge and report each chunk, then writes what it accepted
 * to `to`, unmodified. The recording hears a chunk inside `push`, so always before the chunk is forwarded.
 */
export class Pump {
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #reader: WireReader;
  readonly #events: PumpEvents;
  readonly #holds = new Set<HoldReason>();
  #stopped = false;
  #inTurn = 0;
  /** Bytes forwarded so far. */
  forwarded = 0;

  constructor(from: Duplex, to: Duplex, reader: WireReader, events: PumpEvents) {
    this.#from = from;
    this.#to = to;
    this.#reader = reader;
    this.#events = events;
  }

  /** `early`: bytes of this direction that were read before the pump existed. */
  start(early: readonly Buffer[]): void {
    for (const chunk of early) this.#onData(chunk);
    if (this.#stopped) return;
    this.#from.on('data', this.#onData);
    this.#from.on('end', this.#onEnd);
    this.#to.on('drain', this.#onDrain);
    if (this.#holds.size === 0) this.#from.resume();
    else this.#from.pause();
  }

  /** Forwards nothing more; both sockets stay open, and `from` paused. Idempotent. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#from.off('data', this.#onData);
    this.#from.off('end', this.#onEnd);
    this.#to.off('drain', this.#onDrain);
    this.#from.pause();
  }

  hold(reason: HoldReason): void {
    this.#holds.add(reason);
    this.#from.pause();
  }

  release(reason: HoldReason): void {
    if (this.#holds.delete(reason) && this.#holds.size === 0 && !this.#stopped) this.#from.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#stopped) return;
    this.#countTurn(chunk.length);
    const { accepted, violation } = this.#reader.push(chunk);
    // The recording may have failed inside push, and policy may have stopped us: then this chunk goes nowhere.
    if (this.#stopped) return;
    for (const bytes of accepted) {
      this.forwarded += bytes.length;
      if (!this.#to.write(bytes)) this.hold('socket');
    }
    if (violation === undefined) return;
    this.stop();
    this.#events.violated(violation);
  };

  #countTurn(bytes: number): void {
    this.#inTurn += bytes;
    if (this.#inTurn < MAX_TURN_BYTES || this.#holds.has('turn')) return;
    this.hold('turn');
    setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#inTurn = 0;
    this.release('turn');
  };

  readonly #onDrain = (): void => this.release('socket');

  readonly #onEnd = (): void => {
    if (!this.#stopped) this.#events.ended();
  };
}
