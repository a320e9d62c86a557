import { EventEmitter } from 'node:events';
import type { FeedMessage } from '../../../src/live/feed-message.ts';
import type { ViewerSocket } from '../../../src/live/viewer.ts';

/** A viewer's end of the feed; its network takes everything at once, or nothing. */
export class FakeViewer extends EventEmitter implements ViewerSocket {
  readonly messages: FeedMessage[] = [];
  bufferedAmount = 0;
  pings = 0;
  closedWith: number | undefined;
  terminated = false;
  /** Answers pings. */
  alive = true;
  readonly #reads: boolean;
  #waiting: (() => void)[] = [];

  constructor({ reads = true } = {}) {
    super();
    this.#reads = reads;
  }

  send(data: Buffer, _options: { readonly binary: boolean }, done: (error?: Error) => void): void {
    // The feed writes JSON of this type; a wrong one fails the test that looks at it.
    this.messages.push(JSON.parse(data.toString()) as FeedMessage);
    if (this.#reads) {
      done();
      return;
    }
    this.bufferedAmount += data.length;
    this.#waiting.push(done);
  }

  /** What was waiting has been taken. */
  drain(): void {
    this.bufferedAmount = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }

  ping(): void {
    this.pings++;
    if (this.alive) this.emit('pong');
  }

  close(code: number): void {
    this.closedWith ??= code;
  }

  terminate(): void {
    if (this.terminated) return;
    this.terminated = true;
    this.emit('close');
  }

  get last(): FeedMessage | undefined {
    return this.messages.at(-1);
  }
}
