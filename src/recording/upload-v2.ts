import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { constants } from 'node:http2';
import { JsonObjects } from './json-objects.ts';
import type { RecorderLimits } from './recorder-limits.ts';
import { recordingUri } from './recording-uri.ts';
import { Deadline } from './timers.ts';
import type { Upload, UploadEvents } from './upload.ts';
import { UploadFate } from './upload-fate.ts';
import type { Attempt } from './within.ts';

/** An ack takes some thirty bytes, an error object a sentence. */
const MAX_ANSWER_BYTES = 16 * 1024;
const MAX_REPORT_CHARACTERS = 500;

/** Our own recorder says of what kind its error is; Tailscale's does not. */
const STORE_KINDS = ['disk', 'size', 'shutdown'] as const;
type StoreKind = (typeof STORE_KINDS)[number];

function isStoreKind(kind: unknown): kind is StoreKind {
  return STORE_KINDS.some(known => known === kind);
}

export interface UploadV2Options {
  readonly attempt: Attempt;
  readonly session: ClientHttp2Session;
  readonly request: ClientHttp2Stream;
  readonly recorder: string;
  readonly limits: RecorderLimits;
}

/** Body up, acks down, on one stream. */
export class UploadV2 implements Upload {
  readonly protocol = 'v2';
  readonly recorder: string;
  readonly #session: ClientHttp2Session;
  readonly #request: ClientHttp2Stream;
  readonly #fate: UploadFate;
  readonly #silence: Deadline;
  readonly #answer = new JsonObjects(MAX_ANSWER_BYTES);
  #answerEnded = false;
  #sentBytes = 0;
  #ackedBytes = 0;
  #uri: string | undefined;
  readonly #scheme: 'http' | 'https';

  constructor({ attempt, session, request, recorder, limits }: UploadV2Options) {
    this.recorder = recorder;
    this.#scheme = attempt.access?.tls === undefined ? 'http' : 'https';
    this.#session = session;
    this.#request = request;
    this.#fate = new UploadFate({
      failures: attempt.failures,
      timers: attempt.timers,
      finalAnswerMs: limits.finalAnswerMs,
      release: () => this.#release(),
    });
    this.#silence = new Deadline(attempt.timers, limits.ackSilenceMs, () =>
      this.#fate.fail('timeout', 'ack', `sent nothing for ${limits.ackSilenceMs} ms`),
    );
    request.on('response', this.#onResponse);
    request.on('data', this.#onData);
    request.on('end', this.#onEnd);
    request.on('close', this.#onClose);
  }

  get uri(): string | undefined {
    return this.#uri;
  }

  get unackedBytes(): number {
    return this.#sentBytes - this.#ackedBytes;
  }

  write(bytes: Buffer): boolean {
    if (this.#fate.state !== 'streaming') return true;
    this.#sentBytes += bytes.length;
    return this.#request.write(bytes);
  }

  end(): Promise<void> {
    return this.#fate.end(() => this.#request.end());
  }

  abort(): void {
    this.#fate.abort();
  }

  on<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void {
    this.#fate.on(name, listener);
  }

  off<Name extends keyof UploadEvents>(name: Name, listener: UploadEvents[Name]): void {
    this.#fate.off(name, listener);
  }

  readonly #onResponse = (headers: IncomingHttpHeaders): void => {
    this.#uri = recordingUri(this.#scheme, this.recorder, headers['content-location']);
    this.#silence.restart();
  };

  readonly #onData = (chunk: Buffer): void => {
    const { objects, violation } = this.#answer.push(chunk);
    for (const object of objects) this.#onObject(object);
    if (violation !== undefined) this.#fate.fail('protocol', 'ack', `sent no ack: ${violation}`);
  };

  #onObject(object: Readonly<Record<string, unknown>>): void {
    if (this.#fate.state === 'over') return;
    const { ack, error, kind } = object;
    if (typeof error === 'string' && error !== '') {
      this.#fate.fail(
        isStoreKind(kind) ? kind : 'reported',
        'store',
        `reported ${JSON.stringify(error.slice(0, MAX_REPORT_CHARACTERS))}`,
      );
      return;
    }
    this.#silence.restart();
    // Left out when it is 0: an empty object is a sign of life and no more.
    if (ack !== undefined) this.#onAck(ack);
  }

  #onAck(ack: unknown): void {
    if (typeof ack !== 'number' || !Number.isSafeInteger(ack) || ack < 0) {
      this.#fate.fail('protocol', 'ack', 'sent an ack that is not a count of bytes');
    } else if (ack > this.#sentBytes) {
      this.#fate.fail('protocol', 'ack', `acknowledged ${ack} bytes of ${this.#sentBytes}`);
    } else if (ack > this.#ackedBytes) {
      this.#ackedBytes = ack;
      this.#fate.acked();
    }
  }

  /** Also emitted when the stream is cut; then 'close' follows with a code. */
  readonly #onEnd = (): void => {
    if (this.#request.rstCode !== constants.NGHTTP2_NO_ERROR || this.#request.aborted) return;
    this.#answerEnded = true;
    if (this.#fate.state === 'streaming')
      this.#fate.fail('protocol', 'stream', 'ended its answer before the recording ended');
  };

  /** Both halves are done, or the stream is cut. Only here is it known which. */
  readonly #onClose = (): void => {
    const { errored, rstCode, writableFinished } = this.#request;
    if (errored) this.#fate.broke(errored);
    else if (rstCode !== constants.NGHTTP2_NO_ERROR || !this.#answerEnded)
      this.#fate.fail('reset', 'stream', `the stream was closed (code ${rstCode})`);
    else if (!writableFinished)
      this.#fate.fail('protocol', 'stream', 'ended its answer before it had taken the whole recording');
    else if (!this.#answer.complete) this.#fate.fail('protocol', 'ack', 'ended its answer inside an object');
    else this.#fate.complete();
  };

  /**
   * Dropping the connection is the cut: a stream's own `close(code)` first sends an empty DATA frame with END_STREAM, in
   * Node 20, and a recorder would take what it has for the whole.
   */
  #release(): void {
    this.#silence.stop();
    this.#request.off('response', this.#onResponse);
    this.#request.off('data', this.#onData);
    this.#request.off('end', this.#onEnd);
    this.#request.off('close', this.#onClose);
    this.#session.destroy();
  }
}
