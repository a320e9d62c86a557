export interface AckPace {
  /** Milliseconds between acks while data comes. */
  readonly ackEveryMs: number;
  /** Milliseconds of silence at most. */
  readonly heartbeatMs: number;
}

/**
 * Decides when an upload hears how many of its bytes are written: at once, then not more often than `ackEveryMs`,
 * and again every `heartbeatMs` when nothing changes, since clients take 30 s of silence for a dead recorder.
 */
export class AckPacer {
  readonly #send: (totalBytes: number) => boolean;
  readonly #pace: AckPace;
  #written = 0;
  #sent = 0;
  #resting = false;
  #timer: NodeJS.Timeout | undefined;

  /** `send` answers false when the peer takes nothing now: the pacer then offers the newest count later. */
  constructor(send: (totalBytes: number) => boolean, pace: AckPace) {
    this.#send = send;
    this.#pace = pace;
    this.#waitForHeartbeat();
  }

  written(totalBytes: number): void {
    this.#written = totalBytes;
    if (!this.#resting) this.#tell();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#resting = true;
  }

  #tell(): void {
    clearTimeout(this.#timer);
    if (this.#send(this.#written)) this.#sent = this.#written;
    this.#resting = true;
    this.#timer = setTimeout(this.#onRested, this.#pace.ackEveryMs);
  }

  readonly #onRested = (): void => {
    this.#resting = false;
    if (this.#written > this.#sent) this.#tell();
    else this.#waitForHeartbeat();
  };

  #waitForHeartbeat(): void {
    this.#timer = setTimeout(this.#onHeartbeat, Math.max(0, this.#pace.heartbeatMs - this.#pace.ackEveryMs));
  }

  readonly #onHeartbeat = (): void => this.#tell();
}
