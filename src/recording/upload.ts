/** Why a recorder failed, in words a program can count. */
export type RecorderFailureKind =
  | 'timeout' // an answer did not come within its bound
  | 'refused' // connection refused, or a status other than the one wanted
  | 'auth' // the recorder does not let us in: 401, 403
  | 'reset' // connection lost
  | 'protocol' // the answer was not of the protocol
  | 'ackLate' // bytes stayed unacknowledged for too long
  | 'reported' // the recorder itself sent an error object, and does not say of what kind
  | 'disk' // the recorder cannot store it: 507, or it says so
  | 'size' // a bound was passed: one of ours, or the recorder's for one recording (413)
  | 'shutdown'; // the recorder says that it is stopping

/**
 * When it failed: before the recorder accepted, before it had the cast's header, in the stream, by its acks, by the last
 * word, or in the recorder's own storage, as it reports.
 */
export type RecorderPhase = 'connect' | 'header' | 'stream' | 'ack' | 'finalise' | 'store';

/** One recorder that failed, at one point. `message` may name addresses: it is for logs and audit, not for callers. */
export class RecorderError extends Error {
  readonly kind: RecorderFailureKind;
  readonly phase: RecorderPhase;
  readonly recorder: string;
  /** What was spoken, where it came to that. */
  readonly protocol: 'v1' | 'v2' | undefined;

  constructor(
    failure: {
      kind: RecorderFailureKind;
      phase: RecorderPhase;
      recorder: string;
      message: string;
      protocol?: 'v1' | 'v2';
    },
    options?: ErrorOptions,
  ) {
    super(failure.message, options);
    this.name = 'RecorderError';
    this.kind = failure.kind;
    this.phase = failure.phase;
    this.recorder = failure.recorder;
    this.protocol = failure.protocol;
  }

  /** The same failure, where more is known of when it was. */
  inPhase(phase: RecorderPhase): RecorderError {
    const { kind, recorder, message, protocol } = this;
    return new RecorderError(
      { kind, phase, recorder, message, ...(protocol === undefined ? {} : { protocol }) },
      { cause: this.cause },
    );
  }
}

/** Events of an upload. `failed` comes at most once, and never after `end()` or `abort()` has settled. */
export interface UploadEvents {
  /** The number of unacknowledged bytes went down. */
  acked: () => void;
  failed: (error: RecorderError) => void;
}

/** An open upload to a recorder that has said it takes the recording. */
export interface Upload {
  readonly recorder: string;
  readonly protocol: 'v1' | 'v2';
  /** Where the recording can be read, as the recorder says; ours does, in v2. */
  readonly uri?: string | undefined;
  /** Bytes written and not yet acknowledged (v2: by an ack; v1: by the socket's having taken them). */
  readonly unackedBytes: number;
  /** Takes the bytes over (the caller does not touch them again). False: more than the high-water mark waits. */
  write(bytes: Buffer): boolean;
  /** Ends the body and waits, within a bound, for the recorder's final word. Rejects with a RecorderError. */
  end(): Promise<void>;
  /** Resets the upload at once: the recorder must see that it is not complete. Idempotent. */
  abort(): void;
  on<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void;
  off<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void;
}
