import { CLOSE_SLOW } from './feed-message.ts';

/** The part of a WebSocket that the feed uses; that of `ws`, or a fake. */
export interface ViewerSocket {
  /** Bytes handed to `send` that the network has not taken yet. */
  readonly bufferedAmount: number;
  /** `done` is called once the bytes are with the network, or will never be. */
  send(data: Buffer, options: { readonly binary: boolean }, done: (error?: Error) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'pong' | 'message' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** One open page. What it has not read yet is bounded; a page that does not keep up is dropped and may come again. */
export class Viewer {
  readonly #socket: ViewerSocket;
  readonly #maxBufferedBytes: number;
  /** The snapshot may be larger than the bound; it counts until it is gone. */
  #snapshotBytes = 0;
  #answered = true;
  #open = true;

  constructor(socket: ViewerSocket, maxBufferedBytes: number, gone: () => void) {
    this.#socket = socket;
    this.#maxBufferedBytes = maxBufferedBytes;
    // Whatever the error was, 'close' follows and is what counts.
    socket.on('error', () => socket.terminate());
    socket.on('pong', () => {
      this.#answered = true;
    });
    // The feed goes one way.
    socket.on('message', () => socket.terminate());
    socket.on('close', () => {
      this.#open = false;
      gone();
    });
  }

  snapshot(bytes: Buffer): boolean {
    this.#snapshotBytes = bytes.length;
    return this.#send(bytes, () => {
      this.#snapshotBytes = 0;
    });
  }

  /** False: the viewer was too slow and is gone. */
  send(bytes: Buffer): boolean {
    return this.#send(bytes, () => {});
  }

  /** Asks for a sign of life, and drops the viewer if the last question was not answered. False: it is gone. */
  ping(): boolean {
    if (!this.#open) return false;
    if (!this.#answered) {
      this.#open = false;
      this.#socket.terminate();
      return false;
    }
    this.#answered = false;
    this.#socket.ping();
    return true;
  }

  close(code: number, reason: string): void {
    this.#open = false;
    this.#socket.close(code, reason);
  }

  /** A page that reads nothing would never read a close frame either, so its socket is cut after saying so. */
  #send(bytes: Buffer, done: () => void): boolean {
    if (!this.#open) return false;
    if (this.#socket.bufferedAmount + bytes.length > this.#maxBufferedBytes + this.#snapshotBytes) {
      this.close(CLOSE_SLOW, 'too slow');
      this.#socket.terminate();
      return false;
    }
    this.#socket.send(bytes, { binary: false }, done);
    return true;
  }
}
