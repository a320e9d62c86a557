/** Every bound of the recorder server. Sizes in bytes, times in milliseconds. */
export interface RecorderServerLimits {
  /** One recording; beyond it the upload is cut, kept and flagged. */
  readonly maxRecordingBytes: number;
  /** Uploads at one time; the next one is answered 503. */
  readonly maxConcurrentUploads: number;
  /** TCP connections at one time; the next one is dropped by the listener. */
  readonly maxConnections: number;
  /** One API event document. */
  readonly maxEventBytes: number;
  /** Time for the whole body of an event. */
  readonly eventBodyMs: number;
  /** While data comes, acks of one upload are at least this far apart. */
  readonly ackEveryMs: number;
  /** New bytes that are acknowledged without waiting for that. */
  readonly ackEveryBytes: number;
  /** An idle upload hears something at least this often. Clients give up after 30 s of silence. */
  readonly heartbeatMs: number;
  /** Every HTTP/2 connection is pinged this often: no answer by the next ping, and the peer counts as gone. */
  readonly pingMs: number;
  /** A connection with no request in hand (first bytes, headers, keep-alive) lives this long. */
  readonly requestHeadMs: number;
  /** A download whose reader takes nothing for this long is cut. */
  readonly downloadStallMs: number;
  /** After an early refusal the rest of an HTTP/1.1 body is read and dropped this long, so the answer survives. */
  readonly lingerMs: number;
  /** What `close` grants live uploads unless it is told otherwise. */
  readonly closeGraceMs: number;
  /** What `close` then grants the storage to write the manifests of what it cut. */
  readonly closeSettleMs: number;
  /** Most manifests in one answer. */
  readonly maxListed: number;
}

export const DEFAULT_RECORDER_LIMITS: RecorderServerLimits = {
  maxRecordingBytes: 1024 * 1024 * 1024,
  maxConcurrentUploads: 1000,
  maxConnections: 4096,
  maxEventBytes: 4 * 1024 * 1024,
  eventBodyMs: 10_000,
  ackEveryMs: 100,
  ackEveryBytes: 256 * 1024,
  heartbeatMs: 10_000,
  pingMs: 20_000,
  requestHeadMs: 10_000,
  downloadStallMs: 60_000,
  lingerMs: 1000,
  closeGraceMs: 10_000,
  closeSettleMs: 5000,
  maxListed: 500,
};
