import { type Fault, fault } from './fault.ts';
import { CONTROL, STREAM_ID_BYTES, SYN_STREAM_BYTES } from './spdy-frames.ts';
import { HeaderInflater, isFault } from './spdy-headers.ts';
import type { SpdySide } from './spdy-reader.ts';
import type { SpdyStream, SpdyStreams } from './spdy-streams.ts';

/** What a client may do: open the streams that it asked for, and write to stdin and resize. */
export class SpdyClientSide implements SpdySide {
  readonly #streams: SpdyStreams;
  /** Undefined once every stream is open: it holds some 56 KiB, and nothing with a header block may follow. */
  #inflater: HeaderInflater | undefined = new HeaderInflater();
  readonly #finished = new Set<number>();
  readonly #reset = new Set<number>();

  constructor(streams: SpdyStreams) {
    this.#streams = streams;
  }

  hasFinished(id: number): boolean {
    return this.#finished.has(id);
  }

  hasReset(id: number): boolean {
    return this.#reset.has(id);
  }

  control(type: number, payload: Buffer): Fault | undefined {
    switch (type) {
      case CONTROL.SYN_STREAM:
        return this.#synStream(payload);
      case CONTROL.SYN_REPLY:
        return fault('SPDY_FRAME_TYPE', 'a client sends SYN_REPLY');
      case CONTROL.HEADERS:
        return this.#headers(payload);
      case CONTROL.RST_STREAM:
        return this.#rstStream(payload.readUInt32BE(0));
      default:
        return undefined;
    }
  }

  /** Stays possible after a reset from either side: such data is in flight. */
  data(id: number, length: number, fin: boolean): SpdyStream | Fault {
    const stream = this.#streams.get(id);
    if (stream === undefined) return fault('SPDY_STREAM_STATE', `data on stream ${id}, which is not open`);
    if (this.#finished.has(id)) return fault('SPDY_STREAM_STATE', `data on stream ${id} after its end`);
    if (length > 0 && stream.name !== 'stdin' && stream.name !== 'resize') {
      return fault('SPDY_STREAM_STATE', `a client writes to ${stream.name}`);
    }
    if (fin) this.#finished.add(id);
    return stream;
  }

  #synStream(payload: Buffer): Fault | undefined {
    const id = payload.readUInt32BE(0);
    if (id % 2 === 0 || id <= this.#streams.lastId) {
      return fault('SPDY_STREAM_ID', `stream id ${id} is not odd and above ${this.#streams.lastId}`);
    }
    if (payload.readUInt32BE(4) !== 0) return fault('SPDY_STREAM_ID', 'a stream is associated with another');
    const streamType = this.#streamType(payload.subarray(SYN_STREAM_BYTES));
    if (typeof streamType !== 'string') return streamType;
    // Servers count streams and let the last of a type win, so a second stdin would be the one that is read.
    if (!this.#streams.isWanted(streamType)) {
      return fault('SPDY_STREAM_TYPE', 'a streamtype is unknown, repeated or was not asked for');
    }
    this.#streams.open({ id, name: streamType });
    if (this.#streams.allOpened) this.#inflater = undefined;
    return undefined;
  }

  /** Real clients send this one header. Of several values, joined by NUL, servers take the first. */
  #streamType(block: Buffer): string | Fault {
    if (this.#inflater === undefined) {
      return fault('SPDY_STREAM_TYPE', 'a stream is opened beyond those that were asked for');
    }
    const headers = this.#inflater.read(block);
    if (isFault(headers)) return headers;
    const streamType = headers.get('streamtype');
    if (streamType === undefined || headers.size !== 1) {
      return fault('SPDY_HEADER_BLOCK', 'the header of a stream is not streamtype alone');
    }
    return streamType;
  }

  #headers(payload: Buffer): Fault | undefined {
    const id = payload.readUInt32BE(0);
    if (this.#streams.get(id) === undefined)
      return fault('SPDY_STREAM_ID', `HEADERS on unknown stream ${id}`);
    if (this.#finished.has(id)) return fault('SPDY_STREAM_STATE', `HEADERS on stream ${id} after its end`);
    if (this.#inflater === undefined) {
      return fault('SPDY_HEADER_BLOCK', 'a header block follows the opening of the last stream');
    }
    const headers = this.#inflater.read(payload.subarray(STREAM_ID_BYTES));
    return isFault(headers) ? headers : undefined;
  }

  #rstStream(id: number): Fault | undefined {
    if (this.#streams.get(id) === undefined)
      return fault('SPDY_STREAM_ID', `RST_STREAM of unknown stream ${id}`);
    this.#reset.add(id);
    return undefined;
  }
}
