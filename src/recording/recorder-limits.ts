/** Bounds of the waits for one recorder. Milliseconds. */
export interface RecorderLimits {
  /** Name lookup and TCP connection. */
  readonly dialMs: number;
  /** The answer to HEAD /v2/record. */
  readonly probeMs: number;
  /** The go-ahead: response headers (v2) or 100 Continue (v1). */
  readonly acceptMs: number;
  /** v2 only: between two objects of the answer. Tailscale's client allows the same. */
  readonly ackSilenceMs: number;
  /** From the end of the body to the recorder's last word. */
  readonly finalAnswerMs: number;
}

export const DEFAULT_RECORDER_LIMITS: RecorderLimits = {
  dialMs: 5_000,
  probeMs: 5_000,
  acceptMs: 5_000,
  ackSilenceMs: 30_000,
  finalAnswerMs: 30_000,
};
