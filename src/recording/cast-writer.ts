import type { TerminalSize } from '../kube/remotecommand.ts';
import type { CastSubject } from './cast.ts';
import { headerLine, markerLine, outputLines, resizeLine } from './cast.ts';

export interface CastWriterOptions {
  readonly subject: CastSubject;
  /** Wall time of the session's start, seconds since the Unix epoch. */
  readonly timestampSeconds: number;
  /** Of one event line. */
  readonly maxLineBytes: number;
  /** Takes each event line over. */
  readonly write: (line: Buffer) => void;
  /** Takes the header over: once for each part. */
  readonly writeHeader: (line: Buffer) => void;
}

/** What a part goes on from: the part before it, and the bytes of that one that stand. */
export interface Continuation {
  readonly recording: string;
  readonly offset: number;
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
  #lastSeconds = 0;
  #sizeUnsaid = false;
  #part = 1;
  #continues: Continuation | undefined;
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

  /** Bytes of all parts so far, held lines not counted. */
  get castBytes(): number {
    return this.#castBytes;
  }

  /** Event lines so far, held ones included. */
  get events(): number {
    return this.#events;
  }

  /** Name of the part being written. */
  get recordingId(): string {
    return `${this.#options.subject.kubewitness.sessionId}.${this.#part}`;
  }

  /** Writes the header and what was held. Does nothing the second time. */
  begin(size: TerminalSize): void {
    if (this.#size !== undefined) return;
    this.#size = size;
    this.#header(size);
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const line of held) this.#write(line);
  }

  /** Writes the header anew: the first one went nowhere. */
  beginAgain(): void {
    if (this.#size !== undefined) this.#header(this.#size);
  }

  /**
   * Begins the next part: a header with the size as it is now, linked to the part before. Where nothing of that one
   * stands, it takes that one's place.
   */
  continueFrom(offset: number): void {
    if (offset > 0 || this.#continues === undefined) {
      this.#continues = { recording: this.recordingId, offset };
    }
    const continues = this.#continues;
    this.#part++;
    if (this.#size !== undefined) this.#header(this.#size, continues);
  }

  output(seconds: number, text: string): void {
    if (text === '') return;
    for (const line of outputLines(this.#inOrder(seconds), text, this.#options.maxLineBytes)) {
      this.#event(line);
    }
  }

  /** Says what is missing, and the size as it has become meanwhile: joined parts have no second header to say it. */
  marker(seconds: number, text: string): void {
    this.#event(markerLine(this.#inOrder(seconds), text));
    if (this.#size !== undefined && this.#sizeUnsaid)
      this.#event(resizeLine(this.#inOrder(seconds), this.#size));
    this.#sizeUnsaid = false;
  }

  /** The first size begins the cast; after it only a changed one is an event. */
  resize(seconds: number, size: TerminalSize): void {
    const before = this.#size;
    if (before === undefined) {
      this.begin(size);
    } else if (before.cols !== size.cols || before.rows !== size.rows) {
      this.#size = size;
      this.#event(resizeLine(this.#inOrder(seconds), size));
    }
  }

  /** Keeps the size without an event: nothing is being written. */
  noteSize(size: TerminalSize): void {
    if (this.#size === undefined) return;
    this.#sizeUnsaid ||= this.#size.cols !== size.cols || this.#size.rows !== size.rows;
    this.#size = size;
  }

  #header(size: TerminalSize, continues?: Continuation): void {
    const { subject, timestampSeconds, writeHeader } = this.#options;
    const kubewitness = {
      ...subject.kubewitness,
      recordingId: this.recordingId,
      ...(continues === undefined ? {} : { continues }),
    };
    const line = headerLine({ ...subject, kubewitness }, size, timestampSeconds);
    this.#castBytes += line.length;
    writeHeader(line);
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

  /** Players refuse a cast whose times go back. */
  #inOrder(seconds: number): number {
    if (seconds > this.#lastSeconds) this.#lastSeconds = seconds;
    return this.#lastSeconds;
  }
}
