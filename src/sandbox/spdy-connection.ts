import type { Duplex } from 'node:stream';
import { controlFrame, dataFrame, FLAG_FIN, FRAME, FrameReader, numbersFrame, RST } from './spdy-frames.ts';
import { HeaderReader, HeaderWriter } from './spdy-headers.ts';

/** How long the client may take to close after our GOAWAY. */
const CLOSE_LIMIT_MS = 5_000;

/** What happens on the streams that the client opens. */
export interface SpdyListener {
  opened(streamId: number, headers: ReadonlyMap<string, string>): void;
  /** False: stop reading the connection until `resume`; there is no flow control but that of TCP. */
  data(streamId: number, bytes: Buffer): boolean;
  /** The client will send no more on it. */
  ended(streamId: number): void;
}

interface Halves {
  fromClient: 'open' | 'ended';
  fromServer: 'open' | 'ended';
}

/** The server's end of a SPDY/3.1 connection as moby/spdystream behaves: it accepts every stream, and never opens one. */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #listener: SpdyListener;
  readonly #frames: FrameReader;
  readonly #headersIn = new HeaderReader();
  readonly #headersOut = new HeaderWriter();
  readonly #open = new Map<number, Halves>();
  readonly #gone = new AbortController();
  readonly #closed: Promise<void>;
  #lastId = 0;

  constructor(socket: Duplex, listener: SpdyListener) {
    this.#socket = socket;
    this.#listener = listener;
    this.#frames = new FrameReader({
      control: (type, flags, payload) => this.#onControl(type, flags, payload),
      data: (streamId, bytes, fin) => this.#onData(streamId, bytes, fin),
    });
    this.#closed = new Promise(resolve => {
      socket.once('close', () => {
        this.#gone.abort();
        resolve();
      });
    });
    socket.on('end', () => {
      this.#gone.abort();
      socket.end();
    });
  }

  /** Aborted when the client has closed its side, or broke the protocol. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Begins to read; `head` is what came with the upgrade request. */
  start(head: Buffer): void {
    this.#onBytes(head);
    this.#socket.on('data', (chunk: Buffer) => this.#onBytes(chunk));
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends data; the callback comes when the socket has taken it. */
  send(streamId: number, bytes: Buffer, callback: (error?: Error | null) => void): void {
    this.#socket.write(dataFrame(streamId, bytes), callback);
  }

  /** Half close of our side. */
  end(streamId: number, callback: (error?: Error | null) => void): void {
    this.#halfClosed(streamId, 'fromServer');
    this.#socket.write(dataFrame(streamId, Buffer.alloc(0), true), callback);
  }

  /** Resets what is still open, says GOAWAY and closes. */
  async close(): Promise<void> {
    for (const streamId of this.#open.keys()) this.#reset(streamId, RST.CANCEL);
    this.#open.clear();
    this.#socket.end(numbersFrame(FRAME.GOAWAY, this.#lastId, 0));
    this.#socket.resume();
    const limit = setTimeout(() => this.#socket.destroy(), CLOSE_LIMIT_MS);
    await this.#closed;
    clearTimeout(limit);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onBytes(chunk: Buffer): void {
    try {
      this.#frames.push(chunk);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#gone.abort();
      this.#socket.destroy();
    }
  }

  #onControl(type: number, flags: number, payload: Buffer): void {
    switch (type) {
      case FRAME.SYN_STREAM:
        this.#onSynStream(flags, payload);
        break;
      case FRAME.HEADERS:
        // Of no use here, but its block moves the compression state on.
        this.#headersIn.read(payload.subarray(4));
        break;
      case FRAME.RST_STREAM:
        this.#onReset(payload.readUInt32BE(0));
        break;
      case FRAME.PING:
        // Odd ids are the client's; an even one would be the answer to a ping of ours, and we send none.
        if (payload.readUInt32BE(0) % 2 === 1) this.#socket.write(controlFrame(FRAME.PING, payload));
        break;
      case FRAME.SETTINGS:
      case FRAME.WINDOW_UPDATE:
      case FRAME.GOAWAY:
      case FRAME.SYN_REPLY:
        break;
      default:
        throw new RangeError(`control frame of type ${String(type)}`);
    }
  }

  #onSynStream(flags: number, payload: Buffer): void {
    const streamId = payload.readUInt32BE(0);
    const headers = this.#headersIn.read(payload.subarray(10));
    if (streamId % 2 === 0 || streamId <= this.#lastId) {
      this.#reset(streamId, RST.PROTOCOL_ERROR);
      return;
    }
    this.#lastId = streamId;
    const ended = (flags & FLAG_FIN) !== 0;
    this.#open.set(streamId, { fromClient: ended ? 'ended' : 'open', fromServer: 'open' });
    const reply = Buffer.alloc(4);
    reply.writeUInt32BE(streamId);
    this.#socket.write(controlFrame(FRAME.SYN_REPLY, Buffer.concat([reply, this.#headersOut.write([])])));
    this.#listener.opened(streamId, headers);
    if (ended) this.#listener.ended(streamId);
  }

  #onData(streamId: number, bytes: Buffer, fin: boolean): void {
    const halves = this.#open.get(streamId);
    if (halves === undefined || halves.fromClient === 'ended') {
      this.#reset(streamId, RST.INVALID_STREAM);
      return;
    }
    if (bytes.length > 0 && !this.#listener.data(streamId, Buffer.from(bytes))) this.#socket.pause();
    if (!fin) return;
    this.#halfClosed(streamId, 'fromClient');
    this.#listener.ended(streamId);
  }

  /** A reset ends what the client sends; it does not stop our writing, nor the command (spdystream, seen live). */
  #onReset(streamId: number): void {
    if (!this.#open.delete(streamId)) return;
    this.#listener.ended(streamId);
  }

  #halfClosed(streamId: number, half: keyof Halves): void {
    const halves = this.#open.get(streamId);
    if (halves === undefined) return;
    halves[half] = 'ended';
    if (halves.fromClient === 'ended' && halves.fromServer === 'ended') this.#open.delete(streamId);
  }

  #reset(streamId: number, status: number): void {
    this.#socket.write(numbersFrame(FRAME.RST_STREAM, streamId, status));
  }
}
