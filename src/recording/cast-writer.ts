import type { TerminalSize } from '../kube/remotecommand.ts';
import type { CastSubject } from './cast.ts';
import { headerLine, outputLines, resizeLine } from './cast.ts';

export interface CastWriterOptions {
  readonly subject: CastSubject;
  /** Wall time of the session's start, seconds since the Unix epoch. */
  readonly timestampSeconds: number;
  /** Of one event line. */
  readonly maxLineBytes: number;
  /** Takes each line over. */
  readonly write: (line: Buffer) => void;
}

/**
 * Puts a cast together: the header once, with the first size, and the events after it. Events that come before the
 * size is known are held; how long and how many is the owner's business, who calls `begin`.
 */
export class CastWriter {
  readonly #options: CastWriterOptions;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #size: TerminalSize | undefined;
  #castBytes = 0;
  #events = 0;

  constructor(options: CastWriterOptions) {
    this.#options = options;
  }

  get begun(): boolean {
    return this.#size !== undefined;
  }

  /** Bytes of lines that wait for the header. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes of the cast so far, held lines not counted. */
  get castBytes(): number {
    return this.#castBytes;
  }

  /** Event lines so far, held ones included. */
  get events(): number {
    return this.#events;
  }

  /** Writes the header and what was held. Does nothing the second time. */
  begin(size: TerminalSize): void {
    if (this.#size !== undefined) return;
    this.#size = size;
    const { subject, timestampSeconds } = this.#options;
    this.#write(headerLine(subject, size, timestampSeconds));
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const line of held) this.#write(line);
  }

  output(seconds: number, text: string): void {
    if (text === '') return;
    for (const line of outputLines(seconds, text, this.#options.maxLineBytes)) this.#event(line);
  }

  /** The first size begins the cast; after it only a changed one is an event. */
  resize(seconds: number, size: TerminalSize): void {
    const before = this.#size;
    if (before === undefined) {
      this.begin(size);
    } else if (before.cols !== size.cols || before.rows !== size.rows) {
      this.#size = size;
      this.#event(resizeLine(seconds, size));
    }
  }

  #event(line: Buffer): void {
    this.#events++;
    if (this.begun) {
      this.#write(line);
    } else {
      this.#held.push(line);
      this.#heldBytes += line.length;
    }
  }

  #write(line: Buffer): void {
    this.#castBytes += line.length;
    this.#options.write(line);
  }
}
