import type { AskedStreams, SessionProtocol, StreamName } from '../kube/remotecommand.ts';

/** Stable codes of what a peer can do wrong on the wire. docs/errors.md has one line for each. */
export type ViolationCode =
  // WebSocket (RFC 6455)
  | 'WS_RESERVED_BITS' // RSV1-3 set, or a frame length with its top bit set
  | 'WS_OPCODE' // opcode 3-7 or 11-15, or a data opcode that the subprotocol does not use
  | 'WS_MASK' // client frame unmasked or server frame masked
  | 'WS_FRAGMENTED' // client message in several frames
  | 'WS_CONTINUATION' // continuation with nothing open, or a new message inside an open one
  | 'WS_CONTROL_FRAME' // control frame fragmented or longer than 125 bytes
  | 'WS_FRAME_TOO_LARGE'
  | 'WS_FRAGMENT_LIMIT' // too many fragments in one server message
  | 'WS_CHANNEL' // payload on a channel that this side does not write
  | 'WS_CLOSE_SIGNAL' // v5 close signal of the wrong shape
  | 'WS_BASE64' // payload is not base64
  | 'WS_AFTER_CLOSE' // data frame after the close frame
  // SPDY/3.1
  | 'SPDY_VERSION'
  | 'SPDY_FRAME_TYPE'
  | 'SPDY_FRAME_LENGTH'
  | 'SPDY_FLAGS'
  | 'SPDY_STREAM_ID'
  | 'SPDY_STREAM_TYPE' // unknown, repeated or not asked for streamtype
  | 'SPDY_HEADER_BLOCK'
  | 'SPDY_HEADER_LIMIT'
  | 'SPDY_STREAM_STATE'; // data on a stream that is not open, or that this side does not write

/** What was expected, what came, and where: `offset` counts bytes of this direction from the first one. */
export interface Violation {
  readonly code: ViolationCode;
  readonly message: string;
  readonly offset: number;
}

/** Who hears what a reader finds. Called synchronously inside `push`, before the bytes are given back. */
export interface WireSink {
  /**
   * Payload of one stream, decoded and unmasked, as it comes (a frame may arrive in many pieces). The buffer may be
   * a view into the pushed chunk: copy it to keep it. stdin is never reported.
   */
  payload(stream: StreamName, bytes: Buffer): void;
}

export interface ReadResult {
  /**
   * Bytes that may be forwarded now: views into the chunk (or a small copy of what an earlier push held back), in
   * order. Nothing of a frame is accepted before its header is complete and valid.
   */
  readonly accepted: readonly Buffer[];
  /** Set once, on the push that met it; the reader then accepts nothing more. */
  readonly violation?: Violation;
}

/** Reads one direction. Resumable at any byte; never throws; holds at most a stated number of bytes. */
export interface WireReader {
  push(chunk: Buffer): ReadResult;
}

/** Both directions of one session, which share state (SPDY streams are opened by one side and used by the other). */
export interface WireCodec {
  readonly fromClient: WireReader;
  readonly fromUpstream: WireReader;
  /** True once any byte of the upstream's own Status was accepted: a second Status would spoil it. */
  readonly upstreamStatusSeen: boolean;
  /**
   * The bytes that end the session visibly for the client: filler up to the next frame border (NUL on output,
   * spaces on the error stream), then `failure` on the error stream unless upstream's own Status passed, then the
   * protocol's orderly close (WebSocket: close 1000; SPDY: RST 5 on every open stream, GOAWAY).
   * `statusJson` goes to v4 and v5 clients; older ones get `text`. Called inside a push of `fromUpstream`, it
   * starts from before that chunk, which whoever stops the session there does not forward.
   */
  ending(failure: { readonly statusJson: string; readonly text: string }): Iterable<Buffer>;
}

export interface CodecOptions {
  readonly asked: AskedStreams;
  /** Hears what the client writes: 'resize' only. */
  readonly clientSink: WireSink;
  /** Hears what upstream writes: 'stdout', 'stderr' and 'error'. */
  readonly upstreamSink: WireSink;
}

export type CodecFactory = (protocol: SessionProtocol, options: CodecOptions) => WireCodec;
