import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { toldElsewhere } from './dial.ts';
import { authorizationOf } from './recorder-access.ts';
import type { RecorderAddress } from './recorder-address.ts';
import { kindOfStatus } from './recorder-failure.ts';
import type { RecorderLimits } from './recorder-limits.ts';
import type { Upload, UploadEvents } from './upload.ts';
import { UploadFate } from './upload-fate.ts';
import type { Attempt } from './within.ts';
import { within } from './within.ts';

const PATH = '/record';

/**
 * HTTP/1.1 with `Expect: 100-continue` (RFC 9110 section 10.1.1): the interim answer is the go-ahead. A final answer in
 * its place is a refusal whatever its status, since nothing was recorded yet.
 */
export async function openV1(
  attempt: Attempt,
  socket: Socket,
  recorder: string,
  address: RecorderAddress,
  limits: RecorderLimits,
): Promise<Upload> {
  const { failures } = attempt;
  // Without an agent nothing is pooled and nothing is taken from the environment; the connection is closed after it.
  const request = httpRequest({
    createConnection: () => socket,
    method: 'POST',
    path: PATH,
    headers: {
      Host: address.authority,
      Expect: '100-continue',
      'Transfer-Encoding': 'chunked',
      Connection: 'close',
      ...authorizationOf(attempt.access),
    },
  });
  request.on('error', toldElsewhere);
  try {
    return await within<Upload>(attempt, limits.acceptMs, '100 Continue', settle => {
      const onContinue = (): void => settle.resolve(new UploadV1({ attempt, request, recorder, limits }));
      const onResponse = (response: IncomingMessage): void => {
        settle.reject(
          failures.say(
            kindOfStatus(response.statusCode),
            'connect',
            `answered ${response.statusCode} instead of 100 Continue`,
          ),
        );
      };
      const onError = (error: Error): void =>
        settle.reject(failures.from(error, 'connect', 'waiting for 100 Continue'));
      const onClose = (): void =>
        settle.reject(failures.say('reset', 'connect', 'closed the connection before 100 Continue'));
      request.on('continue', onContinue);
      request.on('response', onResponse);
      request.on('error', onError);
      request.on('close', onClose);
      return () => {
        request.off('continue', onContinue);
        request.off('response', onResponse);
        request.off('error', onError);
        request.off('close', onClose);
      };
    });
  } catch (error) {
    request.destroy();
    socket.destroy();
    throw error;
  }
}

interface UploadV1Options {
  readonly attempt: Attempt;
  readonly request: ClientRequest;
  readonly recorder: string;
  readonly limits: RecorderLimits;
}

/** A chunked body, and one answer when it has ended. */
class UploadV1 implements Upload {
  readonly protocol = 'v1';
  readonly recorder: string;
  readonly #request: ClientRequest;
  readonly #fate: UploadFate;
  #unackedBytes = 0;

  constructor({ attempt, request, recorder, limits }: UploadV1Options) {
    this.recorder = recorder;
    this.#request = request;
    this.#fate = new UploadFate({
      failures: attempt.failures,
      timers: attempt.timers,
      finalAnswerMs: limits.finalAnswerMs,
      release: () => this.#release(),
    });
    request.on('response', this.#onResponse);
    request.on('error', this.#onError);
    request.on('close', this.#onClose);
  }

  get unackedBytes(): number {
    return this.#unackedBytes;
  }

  write(bytes: Buffer): boolean {
    if (this.#fate.state !== 'streaming') return true;
    this.#unackedBytes += bytes.length;
    return this.#request.write(bytes, error => {
      if (!error) this.#onTaken(bytes.length);
    });
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

  #onTaken(length: number): void {
    this.#unackedBytes -= length;
    this.#fate.acked();
  }

  readonly #onResponse = (response: IncomingMessage): void => {
    response.resume();
    const { statusCode } = response;
    if (statusCode !== 200)
      this.#fate.fail(kindOfStatus(statusCode), 'stream', `answered ${statusCode}, not 200`);
    else if (!this.#request.writableFinished)
      this.#fate.fail('protocol', 'stream', 'answered 200 before it had the whole recording');
    else this.#fate.complete();
  };

  readonly #onError = (error: Error): void => this.#fate.broke(error);

  readonly #onClose = (): void => this.#fate.fail('reset', 'stream', 'closed the connection');

  /** The connection is not used again. Without the last chunk (RFC 9112 section 7.1) the body is seen to be cut. */
  #release(): void {
    this.#request.off('response', this.#onResponse);
    this.#request.off('error', this.#onError);
    this.#request.off('close', this.#onClose);
    this.#request.destroy();
  }
}
