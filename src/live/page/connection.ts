import type { FeedMessage } from '../feed-message.ts';
import { SILENCE_MS } from '../feed-message.ts';
import type { Mirror } from '../feed-mirror.ts';
import { mirrored } from '../feed-mirror.ts';

export interface ConnectionState {
  /** `lost`: what is shown is what was known when the server was last heard. */
  readonly status: 'connecting' | 'live' | 'lost';
  readonly mirror: Mirror | undefined;
  /** Server's clock minus this one, in milliseconds. */
  readonly skewMs: number;
}

export interface SocketListener {
  message(text: string): void;
  /** Told once; nothing is told after it. */
  closed(): void;
}

export interface ConnectionOptions {
  open(listener: SocketListener): { close(): void };
  changed(state: ConnectionState): void;
  now(): number;
  /** Returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

/** Keeps the mirror true: connects, starts over from a snapshot after a cut, a gap or a silence, and goes on trying. */
export class Connection {
  readonly #options: ConnectionOptions;
  #state: ConnectionState = { status: 'connecting', mirror: undefined, skewMs: 0 };
  #socket: { close(): void } | undefined;
  #retryMs = FIRST_RETRY_MS;
  #cancelSilence = (): void => {};
  #cancelRetry = (): void => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    let mine = true;
    const socket = this.#options.open({
      message: text => {
        if (mine) this.#onMessage(text);
      },
      closed: () => {
        if (mine) this.#lose();
        mine = false;
      },
    });
    this.#socket = {
      close: () => {
        mine = false;
        socket.close();
      },
    };
    this.#awaitWord();
  }

  stop(): void {
    this.#cancelSilence();
    this.#cancelRetry();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #onMessage(text: string): void {
    // Same origin, same build: the shape is that of feed-message.ts.
    const message = JSON.parse(text) as FeedMessage;
    const mirror = mirrored(this.#state.mirror, message);
    if (mirror === undefined) {
      this.#lose();
      return;
    }
    this.#awaitWord();
    if (message.type === 'beat' && this.#state.status === 'live') return;
    if (message.type === 'snapshot') this.#retryMs = FIRST_RETRY_MS;
    const skewMs =
      message.type === 'snapshot' ? Date.parse(message.at) - this.#options.now() : this.#state.skewMs;
    this.#set({ status: 'live', mirror, skewMs });
  }

  #awaitWord(): void {
    this.#cancelSilence();
    this.#cancelSilence = this.#options.after(SILENCE_MS, () => this.#lose());
  }

  #lose(): void {
    this.stop();
    this.#set({ ...this.#state, status: 'lost' });
    const wait = this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    this.#cancelRetry = this.#options.after(wait, () => this.start());
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.#options.changed(state);
  }
}
