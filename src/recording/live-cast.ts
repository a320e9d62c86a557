import { EventEmitter } from 'eventemitter3';
import type { TerminalSize } from '../kube/remotecommand.ts';
import { DEFAULT_SIZE, markerLine } from './cast.ts';

/** Of one session: what a late spectator is shown. Bytes of the cast. */
const MAX_KEPT_BYTES = 256 * 1024;
/** Share that stays when the oldest lines go, so that not every line moves all others. */
const KEPT_AFTER_CUT = 0.75;
const FIRST_KEPT_BYTES = 1024;
/** Of all sessions together. */
export const MAX_KEPT_TOGETHER = 64 * 1024 * 1024;
const RESIZE_LINE_BYTES = 64;

/** What all live casts of a process may keep together; with 0 they keep nothing, and are only passed on. */
export class LiveCastRoom {
  readonly #maxBytes: () => number;
  #taken = 0;

  constructor(maxBytes = (): number => MAX_KEPT_TOGETHER) {
    this.#maxBytes = maxBytes;
  }

  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#maxBytes()) return false;
    this.#taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}

/**
 * The cast of a session that runs, for spectators: what was written lately, and what is being written. It hears the
 * recording and never answers it, so nobody who watches can slow it. `line`: one line of asciicast v2. `ended`: no more.
 */
export class LiveCast extends EventEmitter<{ line: [Buffer]; ended: [] }> {
  readonly #room: LiveCastRoom;
  /** Whole lines, oldest first, in one buffer: many small ones would hold on to the blocks that Node cut them from. */
  #kept = Buffer.alloc(0);
  #length = 0;
  #size: TerminalSize | undefined;
  #cut = false;

  constructor(room: LiveCastRoom) {
    super();
    this.#room = room;
  }

  /** The header of a part of the cast; the first begins it. */
  header(line: Buffer): void {
    if (this.#size !== undefined) return;
    this.#size = sizeInHeader(line);
    this.emit('line', headerFor(this.#size));
  }

  event(line: Buffer): void {
    this.#keep(line);
    this.emit('line', line);
  }

  /** What a spectator who comes now is sent first, a line each. Empty: the cast has not begun. */
  past(): Buffer[] {
    if (this.#size === undefined) return [];
    const lines = [headerFor(this.#size)];
    if (this.#cut) lines.push(markerLine(0, 'kubewitness: the beginning of the session is not shown'));
    for (let at = 0; at < this.#length; ) {
      const end = this.#kept.indexOf(0x0a, at) + 1;
      lines.push(Buffer.from(this.#kept.subarray(at, end)));
      at = end;
    }
    return lines;
  }

  /** Idempotent. */
  end(): void {
    this.#room.give(this.#kept.length);
    this.#kept = Buffer.alloc(0);
    this.#length = 0;
    this.emit('ended');
    this.removeAllListeners();
  }

  #keep(line: Buffer): void {
    if (this.#length + line.length > this.#kept.length) this.#grow(this.#length + line.length);
    if (this.#length + line.length > this.#kept.length) {
      this.#dropTo(this.#kept.length * KEPT_AFTER_CUT - line.length);
    }
    if (this.#length + line.length > this.#kept.length) return;
    line.copy(this.#kept, this.#length);
    this.#length += line.length;
  }

  /** To twice the size, or more where that is not enough, as far as the bound and the room allow. */
  #grow(wanted: number): void {
    let size = Math.max(this.#kept.length * 2, FIRST_KEPT_BYTES);
    while (size < wanted) size *= 2;
    size = Math.min(size, MAX_KEPT_BYTES);
    if (size <= this.#kept.length || !this.#room.take(size - this.#kept.length)) return;
    const larger = Buffer.allocUnsafeSlow(size);
    this.#kept.copy(larger, 0, 0, this.#length);
    this.#kept = larger;
  }

  /** Lets the oldest lines go until no more than `bytes` stay, and remembers the size that they leave the terminal with. */
  #dropTo(bytes: number): void {
    let at = 0;
    while (this.#length - at > Math.max(0, bytes)) {
      const end = this.#kept.indexOf(0x0a, at) + 1;
      this.#size = sizeInResize(this.#kept.subarray(at, end)) ?? this.#size;
      at = end;
    }
    this.#kept.copyWithin(0, at, this.#length);
    this.#length -= at;
    this.#cut = true;
  }
}

function headerFor({ cols, rows }: TerminalSize): Buffer {
  return Buffer.from(`${JSON.stringify({ version: 2, width: cols, height: rows })}\n`);
}

function sizeInHeader(line: Buffer): TerminalSize {
  const header: unknown = JSON.parse(line.toString());
  if (typeof header !== 'object' || header === null) return DEFAULT_SIZE;
  const { width, height } = { width: DEFAULT_SIZE.cols, height: DEFAULT_SIZE.rows, ...header };
  return { cols: width, rows: height };
}

function sizeInResize(line: Buffer): TerminalSize | undefined {
  if (line.length > RESIZE_LINE_BYTES) return undefined;
  const match = /,"r","(\d+)x(\d+)"\]/.exec(line.toString('latin1'));
  return match === null ? undefined : { cols: Number(match[1]), rows: Number(match[2]) };
}
