export interface AckPace {
  /** Milliseconds between acks while data comes. */
  readonly ackEveryMs: number;
  /** So many new bytes are told at once: a proxy that fails closed waits once it has 1 MiB unacknowledged. */
  readonly ackEveryBytes: number;
  /** Milliseconds of silence at most. */
  readonly heartbeatMs: number;
}

/**
 * Decides when an upload hears how many of its bytes are written: at once, then after `ackEveryMs` or
 * `ackEveryBytes`, whichever comes first, and again every `heartbeatMs` when nothing changes, since clients take 30 s of silence for a dead recorder.
 */
export class AckPacer {
  readonly #send: (totalBytes: number) => boolean;
  readonly #pace: AckPace;
  #written = 0;
  #sent = 0;
  #offered = 0;
  #resting = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  /** `send` answers false when the peer takes nothing now: the pacer then offers the newest count later. */
  constructor(send: (totalBytes: number) => boolean, pace: AckPace) {
    this.#send = send;
    this.#pace = pace;
    this.#waitForHeartbeat();
  }

  written(totalBytes: number): void {
    this.#written = totalBytes;
    if (this.#stopped) return;
    if (!this.#resting || totalBytes - this.#offered >= this.#pace.ackEveryBytes) this.#tell();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped = true;
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#offered = this.#written;
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
