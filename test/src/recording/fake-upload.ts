import { EventEmitter } from 'node:events';
import type { Upload, UploadEvents } from '../../../src/recording/upload.ts';
import { RecorderError } from '../../../src/recording/upload.ts';

/** An upload that acknowledges, fails and finishes when a test says so. */
export class FakeUpload implements Upload {
  readonly recorder = 'recorder:80';
  readonly protocol = 'v2';
  unackedBytes = 0;
  text = '';
  state: 'open' | 'ending' | 'ended' | 'aborted' = 'open';
  /** How `end` comes out. */
  endsWith: RecorderError | undefined;
  readonly #emitter = new EventEmitter();

  get lines(): unknown[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as unknown);
  }

  get listeners(): number {
    return this.#emitter.listenerCount('acked') + this.#emitter.listenerCount('failed');
  }

  write(bytes: Buffer): boolean {
    if (this.state !== 'open') throw new Error(`write in state ${this.state}`);
    this.text += bytes.toString();
    this.unackedBytes += bytes.length;
    return true;
  }

  async end(): Promise<void> {
    this.state = 'ending';
    await Promise.resolve();
    if (this.endsWith !== undefined) throw this.endsWith;
    this.state = 'ended';
  }

  abort(): void {
    if (this.state !== 'ended') this.state = 'aborted';
  }

  on<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void {
    this.#emitter.on(name, listener);
  }

  off<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void {
    this.#emitter.off(name, listener);
  }

  acknowledge(count = this.unackedBytes): void {
    this.unackedBytes -= count;
    this.#emitter.emit('acked');
  }

  fail(): RecorderError {
    const error = failure('reset', 'stream');
    this.#emitter.emit('failed', error);
    return error;
  }
}

export function failure(kind: RecorderError['kind'], phase: RecorderError['phase']): RecorderError {
  return new RecorderError({ kind, phase, recorder: 'recorder:80', message: `${kind} in ${phase}` });
}
