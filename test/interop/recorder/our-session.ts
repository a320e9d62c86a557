import { createHash, type Hash } from 'node:crypto';
import { systemClock } from '../../../src/clock.ts';
import type { CastSubject } from '../../../src/recording/cast.ts';
import { connectRecorder } from '../../../src/recording/connect.ts';
import type { RecorderLimits } from '../../../src/recording/recorder-limits.ts';
import { Recording } from '../../../src/recording/recording.ts';
import type { RecordingLimits } from '../../../src/recording/recording-limits.ts';
import type { RecorderError, Upload, UploadEvents } from '../../../src/recording/upload.ts';

export const SUBJECT: CastSubject = {
  command: ['sh'],
  srcNode: 'laptop.tail0.ts.net',
  srcNodeID: 'nABC1CNTRL',
  kubernetes: { PodName: 'p', Namespace: 'd', Container: 'c', SessionType: 'exec' },
  kubewitness: {
    sessionId: 's',
    auditId: 's',
    user: 'u',
    groups: [],
    cluster: 'k',
    subprotocol: 'v5.channel.k8s.io',
  },
};

/** An upload that remembers what went into it. */
class HashedUpload implements Upload {
  readonly hash: Hash = createHash('sha256');
  readonly #upload: Upload;

  constructor(upload: Upload) {
    this.#upload = upload;
  }

  get recorder(): string {
    return this.#upload.recorder;
  }
  get protocol(): 'v1' | 'v2' {
    return this.#upload.protocol;
  }
  get unackedBytes(): number {
    return this.#upload.unackedBytes;
  }

  write(bytes: Buffer): boolean {
    this.hash.update(bytes);
    return this.#upload.write(bytes);
  }
  end(): Promise<void> {
    return this.#upload.end();
  }
  abort(): void {
    this.#upload.abort();
  }
  on<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void {
    this.#upload.on(name, listener);
  }
  off<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void {
    this.#upload.off(name, listener);
  }
}

export interface SessionLimits {
  readonly recorder?: Partial<RecorderLimits>;
  readonly recording?: Partial<RecordingLimits>;
}

/** A session of ours in small: connected to one recorder, and writing. */
export class OurSession {
  readonly upload: HashedUpload;
  readonly recording: Recording;
  /** What the recording says while the session streams. */
  readonly failed: Promise<RecorderError>;
  #over = false;

  private constructor(upload: HashedUpload, limits: Partial<RecordingLimits>) {
    this.upload = upload;
    this.recording = new Recording({
      subject: SUBJECT,
      tty: false,
      upload,
      clock: systemClock,
      whenFull: 'pause',
      limits,
    });
    this.failed = new Promise(resolve => {
      this.recording.once('failed', error => {
        this.#over = true;
        resolve(error);
      });
    });
  }

  static async open(address: string, limits: SessionLimits = {}): Promise<OurSession> {
    const upload = await connectRecorder(address, { limits: limits.recorder ?? {} });
    return new OurSession(new HashedUpload(upload), limits.recording ?? {});
  }

  /** Outputs chunks of 16 KiB, heeding the bound, until there are enough or the recording has failed. */
  async output(chunks: number): Promise<void> {
    for (let chunk = 0; chunk < chunks && !this.#over; chunk++) {
      if (this.recording.output('stdout', Buffer.alloc(16_384, `${chunk} é\n`))) continue;
      await Promise.race([this.failed, new Promise<void>(resolve => this.recording.once('drain', resolve))]);
    }
  }
}
