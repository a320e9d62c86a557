/** Bounds of one recording. */
export interface RecordingLimits {
  /** How long a terminal's first size is waited for. */
  readonly headerWaitMs: number;
  /** Output that ends the wait for the first size early. */
  readonly headerWaitBytes: number;
  /** Written to the recorder, or held for the header, and not acknowledged. */
  readonly maxUnackedBytes: number;
  /** The same where forwarding never waits (fail open): past it the recording is lost. */
  readonly maxUnackedBytesOpen: number;
  /** For how long unacknowledged bytes may stay without becoming fewer. */
  readonly maxUnackedMs: number;
  /** Resize events that are written; of more, the last. */
  readonly maxResizesPerSecond: number;
  /** One event line, newline included. Line readers with a 64 KiB buffer are common. */
  readonly maxLineBytes: number;
}

export const DEFAULT_RECORDING_LIMITS: RecordingLimits = {
  headerWaitMs: 500,
  headerWaitBytes: 64 * 1024,
  maxUnackedBytes: 1024 * 1024,
  // A burst of a healthy session (kubectl cp) outruns a healthy recorder for a moment: sixteen times as much.
  maxUnackedBytesOpen: 16 * 1024 * 1024,
  maxUnackedMs: 30_000,
  maxResizesPerSecond: 20,
  maxLineBytes: 64 * 1024 - 1,
};
