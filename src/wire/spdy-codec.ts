import type { SpdySubprotocol } from '../kube/remotecommand.ts';
import type { CodecOptions, ReadResult, WireCodec, WireReader } from './codec.ts';
import { filler } from './filler.ts';
import { FrameReader } from './frame-reader.ts';
import { SpdyClientSide } from './spdy-client-side.ts';
import { SpdyGrammar } from './spdy-reader.ts';
import { type SpdyStream, SpdyStreams, streamsAsked } from './spdy-streams.ts';
import { OUTPUT, SpdyUpstreamSide, type UpstreamState } from './spdy-upstream-side.ts';
import { dataFrame, goAway, rstStream, synReply } from './spdy-writer.ts';

const NUL = 0x00;
const SPACE = 0x20;

/** Where the client is in what upstream sent. */
interface Position {
  /** Payload bytes that its current data frame lacks, and what to put there. */
  readonly remaining: number;
  readonly filler: number;
  readonly statusSeen: boolean;
  readonly streams: UpstreamState;
}

/** remotecommand over SPDY/3.1. */
export class SpdyCodec implements WireCodec {
  readonly fromClient: WireReader;
  readonly fromUpstream: WireReader;
  readonly #streams: SpdyStreams;
  readonly #client: SpdyClientSide;
  readonly #upstream: SpdyUpstreamSide;
  readonly #grammar: SpdyGrammar;
  readonly #speaksStatus: boolean;
  #position: Position;

  constructor(subprotocol: SpdySubprotocol, options: CodecOptions) {
    this.#speaksStatus = subprotocol === 'v4.channel.k8s.io';
    this.#streams = new SpdyStreams(streamsAsked(subprotocol, options.asked));
    this.#client = new SpdyClientSide(this.#streams);
    this.#upstream = new SpdyUpstreamSide(this.#streams);
    this.#grammar = new SpdyGrammar(this.#upstream, OUTPUT, options.upstreamSink);
    this.#position = this.#current();
    const upstream = new FrameReader(this.#grammar);
    this.fromClient = new FrameReader(new SpdyGrammar(this.#client, ['resize'], options.clientSink));
    this.fromUpstream = { push: chunk => this.#pushUpstream(upstream, chunk) };
  }

  get upstreamStatusSeen(): boolean {
    return this.#position.statusSeen;
  }

  ending(failure: { readonly statusJson: string; readonly text: string }): Iterable<Buffer> {
    return this.#ending(this.#position, Buffer.from(this.#speaksStatus ? failure.statusJson : failure.text));
  }

  /** The position moves when push is done: whoever stops the session inside it does not forward the chunk. */
  #pushUpstream(reader: WireReader, chunk: Buffer): ReadResult {
    const result = reader.push(chunk);
    this.#position = this.#current();
    return result;
  }

  #current(): Position {
    const { remaining, stream, statusSeen } = this.#grammar;
    return {
      remaining,
      filler: stream === 'error' ? SPACE : NUL,
      statusSeen,
      streams: this.#upstream.state,
    };
  }

  *#ending(position: Position, message: Buffer): Generator<Buffer> {
    const { replied, finished, headersBegun } = position.streams;
    const open = this.#streams.all().filter(stream => this.#isOpen(stream, position.streams));
    const error = open.find(({ name }) => name === 'error');
    yield* filler(position.remaining, position.filler);
    if (error !== undefined && !position.statusSeen && !finished.has(error.id)) {
      const answered = replied.has(error.id);
      // A client looks for data only on streams that were answered. But client-go, which opens its streams one by
      // one, would then open the next and wait 30 s for an answer; a reset instead of this one ends it at once.
      if (!answered && this.#streams.allOpened) yield synReply(error.id, headersBegun);
      if (answered || this.#streams.allOpened) yield dataFrame(error.id, message);
    }
    for (const { id } of open) yield rstStream(id);
    yield goAway(this.#streams.lastId);
  }

  /** At the client: until both sides have ended it, or either has reset it. */
  #isOpen({ id }: SpdyStream, upstream: UpstreamState): boolean {
    const ended = this.#client.hasFinished(id) && upstream.finished.has(id);
    return !ended && !this.#client.hasReset(id) && !upstream.reset.has(id);
  }
}
