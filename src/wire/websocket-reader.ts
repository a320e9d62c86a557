import { CHANNELS, CLOSE_CHANNEL, type StreamName } from '../kube/remotecommand.ts';
import { Base64Decoder } from './base64-decoder.ts';
import type { WireSink } from './codec.ts';
import { type Fault, fault } from './fault.ts';
import type { Grammar, Step } from './frame-reader.ts';
import {
  type FrameHead,
  isControl,
  MAX_CONTROL_BYTES,
  MAX_FRAME_BYTES,
  maskByte,
  OPCODE,
  readFrameHead,
} from './websocket-frames.ts';
import type { Window } from './window.ts';

/** Nothing is kept per fragment; this bounds how long a message may keep the others of its connection waiting. */
const MAX_FRAGMENTS = 4096;
const ZERO = 0x30;

export interface WebSocketRules {
  readonly sender: 'client' | 'upstream';
  /** Opcodes of data messages that the receiver takes. */
  readonly opcodes: readonly number[];
  /** Payload is base64, and the channel an ASCII digit. */
  readonly base64: boolean;
  /** v5: `FF cc` closes channel cc. */
  readonly closeSignal: boolean;
  /** Streams that may carry payload. */
  readonly writes: readonly StreamName[];
  /** Those of them that the sink hears. */
  readonly reports: readonly StreamName[];
}

/** The data message that is being read. */
interface Message {
  /** Undefined until the first payload byte, which may be in a later fragment. */
  channel: number | undefined;
  fragments: number;
  /** Its last frame has begun. */
  final: boolean;
  decoder: Base64Decoder | undefined;
}

/** One direction of a WebSocket session: frames of RFC 6455, messages of remotecommand (channel byte, payload). */
export class WebSocketGrammar implements Grammar {
  readonly #rules: WebSocketRules;
  readonly #sink: WireSink;
  readonly #mask = Buffer.alloc(4);
  #message: Message | undefined;
  /** Payload bytes of the current data frame that are to come, and the index of the first of them. */
  #remaining = 0;
  #index = 0;
  #masked = false;
  #closed = false;
  #statusSeen = false;

  constructor(rules: WebSocketRules, sink: WireSink) {
    this.#rules = rules;
    this.#sink = sink;
  }

  /** A close frame was accepted. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Payload on the error channel was accepted. */
  get statusSeen(): boolean {
    return this.#statusSeen;
  }

  /** Payload bytes that the current frame still lacks. */
  get remaining(): number {
    return this.#remaining;
  }

  get message(): Readonly<Message> | undefined {
    return this.#message;
  }

  step(window: Window): Step {
    return this.#remaining > 0 ? this.#payload(window) : this.#head(window);
  }

  #head(window: Window): Step {
    const head = readFrameHead(window);
    if (head === 'short' || 'code' in head) return head;
    if (head.masked !== (this.#rules.sender === 'client')) {
      return fault('WS_MASK', head.masked ? 'a server frame is masked' : 'a client frame is not masked');
    }
    if (isControl(head.opcode)) return this.#control(window, head);
    return this.#judgeData(head) ?? this.#data(window, head);
  }

  /** Accepted whole: what follows is a data frame's business. */
  #control(window: Window, head: FrameHead): Step {
    const { opcode, payloadLength } = head;
    if (!head.final) return fault('WS_CONTROL_FRAME', 'a control frame is fragmented');
    if (payloadLength > MAX_CONTROL_BYTES) {
      return fault(
        'WS_CONTROL_FRAME',
        `a control frame has ${payloadLength} bytes, over ${MAX_CONTROL_BYTES}`,
      );
    }
    // RFC 6455 section 5.5.1: a close has no body, or one that starts with two bytes of code.
    if (opcode === OPCODE.CLOSE && payloadLength === 1) {
      return fault('WS_CONTROL_FRAME', 'a close frame has half a status code');
    }
    const length = head.headLength + payloadLength;
    if (!window.has(length)) return 'short';
    window.take(length);
    if (opcode === OPCODE.CLOSE) this.#closed = true;
    return 'on';
  }

  #judgeData(head: FrameHead): Fault | undefined {
    const continues = head.opcode === OPCODE.CONTINUATION;
    if (this.#closed) return fault('WS_AFTER_CLOSE', 'a data frame follows the close frame');
    if (continues && this.#message === undefined) {
      return fault('WS_CONTINUATION', 'a continuation frame continues nothing');
    }
    if (!continues && this.#message !== undefined) {
      return fault('WS_CONTINUATION', 'a message begins inside an unfinished one');
    }
    // The server's library reads every fragment as a message with a channel byte of its own.
    if (this.#rules.sender === 'client' && !head.final) {
      return fault('WS_FRAGMENTED', 'a client message is fragmented');
    }
    if (!continues && !this.#rules.opcodes.includes(head.opcode)) {
      return fault('WS_OPCODE', `opcode ${head.opcode} is not of this subprotocol`);
    }
    if ((this.#message?.fragments ?? 0) >= MAX_FRAGMENTS) {
      return fault('WS_FRAGMENT_LIMIT', `a message has over ${MAX_FRAGMENTS} fragments`);
    }
    if (head.payloadLength > MAX_FRAME_BYTES) {
      return fault('WS_FRAME_TOO_LARGE', `a frame has ${head.payloadLength} bytes, over ${MAX_FRAME_BYTES}`);
    }
    return undefined;
  }

  /** Accepts the head, with the channel byte if it is in this frame. */
  #data(window: Window, head: FrameHead): Step {
    const message = this.#message ?? { channel: undefined, fragments: 0, final: false, decoder: undefined };
    const namesChannel = message.channel === undefined && head.payloadLength > 0;
    const { headLength } = head;
    if (namesChannel && !window.has(headLength + 1)) return 'short';
    const channel = namesChannel ? this.#channelAt(window, head) : message.channel;
    const bodyLength = head.payloadLength - (namesChannel ? 1 : 0);
    if (channel === CLOSE_CHANNEL && this.#rules.closeSignal) return this.#closeSignal(window, head);
    const decoder = message.decoder ?? this.#decoderFor(channel);
    const wrong = this.#judgeChannel(channel, bodyLength) ?? judgeLength(decoder, bodyLength, head.final);
    if (wrong !== undefined) return wrong;
    this.#keepMask(window, head);
    window.take(headLength + (namesChannel ? 1 : 0));
    this.#index = namesChannel ? 1 : 0;
    this.#remaining = bodyLength;
    message.channel = channel;
    message.decoder = decoder;
    message.fragments++;
    message.final = head.final;
    this.#message = message;
    this.#endFrame();
    return 'on';
  }

  #keepMask(window: Window, head: FrameHead): void {
    this.#masked = head.masked;
    if (!head.masked) return;
    for (let index = 0; index < 4; index++) this.#mask[index] = maskByte(window, head, index);
  }

  #closeSignal(window: Window, head: FrameHead): Step {
    const { headLength, payloadLength } = head;
    if (payloadLength !== 2) {
      return fault('WS_CLOSE_SIGNAL', `a close signal has ${payloadLength} bytes, not 2`);
    }
    if (!window.has(headLength + 2)) return 'short';
    const closed = window.byte(headLength + 1) ^ maskByte(window, head, 1);
    if (closed >= CHANNELS.length) return fault('WS_CLOSE_SIGNAL', `a close signal names channel ${closed}`);
    window.take(headLength + 2);
    return 'on';
  }

  #channelAt(window: Window, head: FrameHead): number {
    const byte = window.byte(head.headLength) ^ maskByte(window, head, 0);
    return this.#rules.base64 ? byte - ZERO : byte;
  }

  #judgeChannel(channel: number | undefined, bodyLength: number): Fault | undefined {
    if (channel === undefined) return undefined;
    const stream = CHANNELS[channel];
    // The server opens with a channel byte alone; whoever reads it takes it for nothing.
    if (bodyLength === 0 && (stream !== undefined || this.#rules.sender === 'upstream')) return undefined;
    if (stream !== undefined && this.#rules.writes.includes(stream)) return undefined;
    return fault('WS_CHANNEL', `${this.#rules.sender} does not write to channel ${channel}`);
  }

  #decoderFor(channel: number | undefined): Base64Decoder | undefined {
    return this.#rules.base64 && this.#reported(channel) !== undefined ? new Base64Decoder() : undefined;
  }

  #reported(channel: number | undefined): StreamName | undefined {
    const stream = channel === undefined ? undefined : CHANNELS[channel];
    return stream !== undefined && this.#rules.reports.includes(stream) ? stream : undefined;
  }

  #payload(window: Window): Step {
    const stream = this.#reported(this.#message?.channel);
    if (stream === undefined) return this.#passed(window.pass(this.#remaining));
    const piece = window.ahead(this.#remaining);
    const plain = this.#masked ? this.#unmasked(piece) : piece;
    const decoder = this.#message?.decoder;
    const { decoded, badAt } = decoder === undefined ? { decoded: plain } : decoder.push(plain);
    const passed = window.pass(badAt ?? piece.length);
    if (stream === 'error' && passed > 0) this.#statusSeen = true;
    const step = this.#passed(passed);
    if (decoded.length > 0) this.#sink.payload(stream, decoded);
    return badAt === undefined
      ? step
      : fault('WS_BASE64', `byte ${plain[badAt]} cannot stand here in base64`);
  }

  #passed(length: number): Step {
    this.#remaining -= length;
    this.#index += length;
    this.#endFrame();
    return length === 0 ? 'short' : 'on';
  }

  #endFrame(): void {
    if (this.#remaining === 0 && this.#message?.final === true) this.#message = undefined;
  }

  /** A copy: the bytes themselves are forwarded as they came. */
  #unmasked(piece: Buffer): Buffer {
    const plain = Buffer.from(piece);
    for (const [at, byte] of plain.entries()) plain[at] = byte ^ (this.#mask[(this.#index + at) & 3] ?? 0);
    return plain;
  }
}

function judgeLength(
  decoder: Base64Decoder | undefined,
  bodyLength: number,
  final: boolean,
): Fault | undefined {
  if (decoder === undefined || !final || (decoder.position + bodyLength) % 4 === 0) return undefined;
  return fault('WS_BASE64', 'the length of a base64 message is no multiple of 4');
}
