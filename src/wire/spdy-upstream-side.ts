import type { StreamName } from '../kube/remotecommand.ts';
import { type Fault, fault } from './fault.ts';
import { CONTROL } from './spdy-frames.ts';
import type { SpdySide } from './spdy-reader.ts';
import type { SpdyStream, SpdyStreams } from './spdy-streams.ts';

export const OUTPUT: readonly StreamName[] = ['stdout', 'stderr', 'error'];

/** What upstream has said of the client's streams. Never changed, only replaced: a codec keeps an earlier one. */
export interface UpstreamState {
  readonly replied: ReadonlySet<number>;
  readonly finished: ReadonlySet<number>;
  readonly reset: ReadonlySet<number>;
  /** A header block has passed, so the zlib stream of this direction has begun. */
  readonly headersBegun: boolean;
}

/** What upstream may do: answer the client's streams, and write to the output streams. Its header blocks say nothing. */
export class SpdyUpstreamSide implements SpdySide {
  readonly #streams: SpdyStreams;
  #state: UpstreamState = { replied: new Set(), finished: new Set(), reset: new Set(), headersBegun: false };

  constructor(streams: SpdyStreams) {
    this.#streams = streams;
  }

  get state(): UpstreamState {
    return this.#state;
  }

  control(type: number, payload: Buffer): Fault | undefined {
    const id = payload.readUInt32BE(0);
    switch (type) {
      case CONTROL.SYN_STREAM:
        return fault('SPDY_FRAME_TYPE', 'upstream sends SYN_STREAM');
      case CONTROL.SYN_REPLY:
        return this.#synReply(id);
      case CONTROL.HEADERS:
        return this.#unknown(id) ?? this.#change({ headersBegun: true });
      case CONTROL.RST_STREAM:
        return this.#unknown(id) ?? this.#change({ reset: withId(this.#state.reset, id) });
      default:
        return undefined;
    }
  }

  /** Stays possible after a reset from either side: servers go on writing. */
  data(id: number, length: number, fin: boolean): SpdyStream | Fault {
    const stream = this.#streams.get(id);
    if (stream === undefined) return fault('SPDY_STREAM_STATE', `data on stream ${id}, which is not open`);
    if (this.#state.finished.has(id)) return fault('SPDY_STREAM_STATE', `data on stream ${id} after its end`);
    if (length > 0 && !OUTPUT.includes(stream.name)) {
      return fault('SPDY_STREAM_STATE', `upstream writes to ${stream.name}`);
    }
    if (fin) this.#change({ finished: withId(this.#state.finished, id) });
    return stream;
  }

  #synReply(id: number): Fault | undefined {
    if (this.#state.replied.has(id)) return fault('SPDY_STREAM_STATE', `stream ${id} is answered twice`);
    return (
      this.#unknown(id) ?? this.#change({ replied: withId(this.#state.replied, id), headersBegun: true })
    );
  }

  #unknown(id: number): Fault | undefined {
    return this.#streams.get(id) === undefined
      ? fault('SPDY_STREAM_ID', `a frame is for unknown stream ${id}`)
      : undefined;
  }

  #change(change: Partial<UpstreamState>): undefined {
    this.#state = { ...this.#state, ...change };
  }
}

function withId(ids: ReadonlySet<number>, id: number): ReadonlySet<number> {
  return new Set([...ids, id]);
}
