import type { StreamName } from '../kube/remotecommand.ts';
import type { WireSink } from './codec.ts';
import { type Fault, fault } from './fault.ts';
import type { Grammar, Step } from './frame-reader.ts';
import { FLAG_FIN, HEAD_BYTES, judgeControlHead, judgeControlPayload, SPDY_VERSION } from './spdy-frames.ts';
import type { SpdyStream } from './spdy-streams.ts';
import type { Window } from './window.ts';

/** What differs between the two sides: the streams they open, answer and write to. A fault changes nothing. */
export interface SpdySide {
  control(type: number, payload: Buffer): Fault | undefined;
  /** The head of a data frame. `length` in bytes. */
  data(streamId: number, length: number, fin: boolean): SpdyStream | Fault;
}

/** One direction of a SPDY/3.1 session. Control frames pass whole, data as it comes. */
export class SpdyGrammar implements Grammar {
  readonly #side: SpdySide;
  readonly #sink: WireSink;
  readonly #reports: readonly StreamName[];
  #stream: StreamName | undefined;
  #remaining = 0;
  #statusSeen = false;

  constructor(side: SpdySide, reports: readonly StreamName[], sink: WireSink) {
    this.#side = side;
    this.#reports = reports;
    this.#sink = sink;
  }

  /** Payload bytes that the current data frame still lacks. */
  get remaining(): number {
    return this.#remaining;
  }

  /** Stream of the current or latest data frame. */
  get stream(): StreamName | undefined {
    return this.#stream;
  }

  /** Payload of the error stream was accepted. */
  get statusSeen(): boolean {
    return this.#statusSeen;
  }

  step(window: Window): Step {
    if (this.#remaining > 0) return this.#payload(window);
    if (!window.has(HEAD_BYTES)) return 'short';
    const second = window.uint32(4);
    const flags = second >>> 24;
    const length = second & 0xffffff;
    return (window.byte(0) & 0x80) === 0
      ? this.#data(window, flags, length)
      : this.#control(window, flags, length);
  }

  #control(window: Window, flags: number, length: number): Step {
    const version = window.uint16(0) & 0x7fff;
    if (version !== SPDY_VERSION) return fault('SPDY_VERSION', `a control frame has version ${version}`);
    const type = window.uint16(2);
    const wrong = judgeControlHead(type, flags, length);
    if (wrong !== undefined) return wrong;
    if (!window.has(HEAD_BYTES + length)) return 'short';
    const payload = window.bytes(HEAD_BYTES, length);
    const refused = judgeControlPayload(type, payload) ?? this.#side.control(type, payload);
    if (refused !== undefined) return refused;
    window.take(HEAD_BYTES + length);
    return 'on';
  }

  #data(window: Window, flags: number, length: number): Step {
    if ((flags & ~FLAG_FIN) !== 0) return fault('SPDY_FLAGS', `a data frame has flags ${flags}`);
    const stream = this.#side.data(window.uint32(0), length, flags === FLAG_FIN);
    if ('code' in stream) return stream;
    window.take(HEAD_BYTES);
    this.#stream = stream.name;
    this.#remaining = length;
    return 'on';
  }

  #payload(window: Window): Step {
    const name = this.#stream;
    const piece = window.ahead(this.#remaining);
    if (piece.length === 0 || name === undefined) return 'short';
    window.pass(piece.length);
    this.#remaining -= piece.length;
    if (name === 'error') this.#statusSeen = true;
    if (this.#reports.includes(name)) this.#sink.payload(name, piece);
    return 'on';
  }
}
