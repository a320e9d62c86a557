import type { IncomingMessage, ServerResponse } from 'node:http';

const NEWLINE = 0x0a;

/** The answer to a watch while it is passed on: knows when it stands between two events, where it may end. */
export class WatchAnswer {
  readonly #answer: IncomingMessage;
  readonly #response: ServerResponse;
  /** JSON has a line for each event. Other encodings have frames, which upstream sends whole. */
  readonly #lines: boolean;
  #between = true;
  #ending = false;

  constructor(answer: IncomingMessage, response: ServerResponse) {
    this.#answer = answer;
    this.#response = response;
    const { 'content-type': type = '', 'content-encoding': encoding } = answer.headers;
    this.#lines = type.startsWith('application/json') && encoding === undefined;
    // Behind the listener that passes the bytes on.
    answer.on('data', this.#onData);
  }

  /** Now, or behind the event that is half through. Nothing more is taken from upstream then. */
  endBetweenEvents(): void {
    this.#ending = true;
    if (this.#between) this.#end();
  }

  #end(): void {
    this.#answer.unpipe(this.#response);
    this.#answer.off('data', this.#onData);
    this.#answer.pause();
    // Its own end would come too late, and a cut before the last chunk would cut the client too.
    this.#response.once('close', () => this.#answer.destroy());
    this.#response.end();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#between = !this.#lines || chunk.at(-1) === NEWLINE;
    if (this.#ending && this.#between) this.#end();
  };
}
