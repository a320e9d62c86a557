import { CHANNELS, type StreamName, type WebSocketSubprotocol } from '../kube/remotecommand.ts';
import type { CodecOptions, ReadResult, WireCodec, WireReader } from './codec.ts';
import { filler } from './filler.ts';
import { FrameReader } from './frame-reader.ts';
import { OPCODE } from './websocket-frames.ts';
import { WebSocketGrammar } from './websocket-reader.ts';
import { closeFrame, finalFrame } from './websocket-writer.ts';

const OUTPUT: readonly StreamName[] = ['stdout', 'stderr', 'error'];
const STDOUT = CHANNELS.indexOf('stdout');
const ERROR = CHANNELS.indexOf('error');
const NUL = 0x00;
const SPACE = 0x20;

/** Where the client is in what upstream sent. */
interface Position {
  /** Payload bytes that its current frame lacks, and what to put there. */
  readonly remaining: number;
  readonly filler: number;
  /** Payload of the frame that ends its current message; undefined when the message needs no further frame. */
  readonly tail: Buffer | undefined;
  readonly statusSeen: boolean;
  readonly closed: boolean;
}

/** remotecommand over WebSocket, in all five subprotocols. */
export class WebSocketCodec implements WireCodec {
  readonly fromClient: WireReader;
  readonly fromUpstream: WireReader;
  readonly #base64: boolean;
  readonly #speaksStatus: boolean;
  readonly #grammar: WebSocketGrammar;
  #position: Position;

  constructor(subprotocol: WebSocketSubprotocol, options: CodecOptions) {
    this.#base64 = subprotocol.includes('base64');
    this.#speaksStatus = subprotocol.startsWith('v');
    const client = new WebSocketGrammar(
      {
        sender: 'client',
        // The Python client sends text frames for str, and servers do not look at the opcode.
        opcodes: [OPCODE.TEXT, OPCODE.BINARY],
        base64: this.#base64,
        closeSignal: subprotocol === 'v5.channel.k8s.io',
        writes: ['stdin', 'resize'],
        reports: options.asked.tty ? ['resize'] : [],
      },
      options.clientSink,
    );
    this.#grammar = new WebSocketGrammar(
      {
        sender: 'upstream',
        // client-go aborts on the other one.
        opcodes: [this.#base64 ? OPCODE.TEXT : OPCODE.BINARY],
        base64: this.#base64,
        closeSignal: false,
        writes: OUTPUT,
        reports: OUTPUT,
      },
      options.upstreamSink,
    );
    this.#position = positionOf(this.#grammar, this.#base64);
    const upstream = new FrameReader(this.#grammar);
    this.fromClient = new FrameReader(client);
    this.fromUpstream = { push: chunk => this.#pushUpstream(upstream, chunk) };
  }

  get upstreamStatusSeen(): boolean {
    return this.#position.statusSeen;
  }

  ending(failure: { readonly statusJson: string; readonly text: string }): Iterable<Buffer> {
    return this.#ending(this.#position, this.#speaksStatus ? failure.statusJson : failure.text);
  }

  /** The position moves when push is done: whoever stops the session inside it does not forward the chunk. */
  #pushUpstream(reader: WireReader, chunk: Buffer): ReadResult {
    const result = reader.push(chunk);
    this.#position = positionOf(this.#grammar, this.#base64);
    return result;
  }

  *#ending(position: Position, message: string): Generator<Buffer> {
    // RFC 6455 section 5.5.1: nothing follows a close frame.
    if (position.closed) return;
    yield* filler(position.remaining, position.filler);
    if (position.tail !== undefined) yield finalFrame(OPCODE.CONTINUATION, position.tail);
    if (!position.statusSeen) yield this.#errorMessage(message);
    yield closeFrame();
  }

  #errorMessage(message: string): Buffer {
    if (this.#base64) {
      return finalFrame(OPCODE.TEXT, Buffer.from(`${ERROR}${Buffer.from(message).toString('base64')}`));
    }
    return finalFrame(OPCODE.BINARY, Buffer.concat([Buffer.of(ERROR), Buffer.from(message)]));
  }
}

function positionOf(grammar: WebSocketGrammar, base64: boolean): Position {
  const { message, remaining, statusSeen, closed } = grammar;
  const plain = message?.channel === ERROR ? SPACE : NUL;
  const fill = base64 ? (message?.decoder?.filler ?? 0x41) : plain;
  return { remaining, filler: fill, tail: tailOf(grammar, base64, fill), statusSeen, closed };
}

function tailOf({ message, remaining }: WebSocketGrammar, base64: boolean, fill: number): Buffer | undefined {
  if (message === undefined || message.final) return undefined;
  // client-go gives up on a message without a channel byte.
  if (message.channel === undefined) return base64 ? Buffer.from(`${STDOUT}`) : Buffer.of(STDOUT);
  const position = message.decoder === undefined ? 0 : (message.decoder.position + remaining) % 4;
  return Buffer.alloc((4 - position) % 4, fill);
}
