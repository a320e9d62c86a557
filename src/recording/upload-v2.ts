import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { toldElsewhere } from './dial.ts';
import { JsonObjects } from './json-objects.ts';
import type { RecorderAddress } from './recorder-address.ts';
import type { RecorderLimits } from './recorder-limits.ts';
import { Deadline } from './timers.ts';
import type { Upload, UploadEvents } from './upload.ts';
import { UploadFate } from './upload-fate.ts';
import type { Attempt } from './within.ts';
import { within } from './within.ts';

const PATH = '/v2/record';
/** An ack takes some thirty bytes, an error object a sentence. */
const MAX_ANSWER_BYTES = 16 * 1024;
const MAX_REPORT_CHARACTERS = 500;

/**
 * HTTP/2 by prior knowledge (RFC 9113 section 3.3) on a connection of its own, and the probe: an upload sent unasked to
 * an HTTP/1 server would hang until its body ends. Rejects when the recorder does not speak v2.
 */
export async function probeV2(
  attempt: Attempt,
  socket: Socket,
  address: RecorderAddress,
  probeMs: number,
): Promise<ClientHttp2Session> {
  const session = connect(`http://${address.authority}`, {
    createConnection: () => socket,
    settings: { enablePush: false },
  });
  // What breaks the session breaks its streams, which are listened to.
  session.on('error', toldElsewhere);
  try {
    const probe = ask(attempt, session, address, 'HEAD');
    await answerTo(attempt, probe, probeMs, `answer to HEAD ${PATH}`);
    probe.close();
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

/** Resolves when the recorder has sent 200, which it does before it reads the body. */
export async function openV2(
  attempt: Attempt,
  session: ClientHttp2Session,
  recorder: string,
  address: RecorderAddress,
  limits: RecorderLimits,
): Promise<Upload> {
  const request = ask(attempt, session, address, 'POST');
  // Listening from here, so that nothing is missed between the headers and the caller's next step.
  const upload = new UploadV2({ attempt, session, request, recorder, limits });
  try {
    await answerTo(attempt, request, limits.acceptMs, `answer to POST ${PATH}`);
    return upload;
  } catch (error) {
    upload.abort();
    throw error;
  }
}

/** A recorder that hangs up just after its last answer leaves a session that takes no request. */
function ask(
  attempt: Attempt,
  session: ClientHttp2Session,
  address: RecorderAddress,
  method: 'HEAD' | 'POST',
): ClientHttp2Stream {
  try {
    const request = session.request(
      // Node's own :authority loses the brackets of an IPv6 address.
      { ':method': method, ':path': PATH, ':authority': address.authority },
      { endStream: method === 'HEAD' },
    );
    request.on('error', toldElsewhere);
    return request;
  } catch (error) {
    session.destroy();
    throw attempt.failures.from(error, 'connect', `${method} ${PATH}`);
  }
}

/** Waits for response headers with status 200. */
function answerTo(
  attempt: Attempt,
  request: ClientHttp2Stream,
  limitMs: number,
  waitingFor: string,
): Promise<void> {
  const { failures } = attempt;
  return within<void>(attempt, limitMs, waitingFor, settle => {
    const onResponse = (headers: IncomingHttpHeaders & { readonly ':status'?: number }): void => {
      if (headers[':status'] === 200) settle.resolve();
      else
        settle.reject(
          failures.say('refused', 'connect', `the ${waitingFor} was ${headers[':status']}, not 200`),
        );
    };
    const onClose = (): void => {
      settle.reject(
        request.errored
          ? failures.from(request.errored, 'connect', `waiting for the ${waitingFor}`)
          : failures.say(
              'reset',
              'connect',
              `closed the stream (code ${request.rstCode}) before the ${waitingFor}`,
            ),
      );
    };
    request.on('response', onResponse);
    request.on('close', onClose);
    return () => {
      request.off('response', onResponse);
      request.off('close', onClose);
    };
  });
}

interface UploadV2Options {
  readonly attempt: Attempt;
  readonly session: ClientHttp2Session;
  readonly request: ClientHttp2Stream;
  readonly recorder: string;
  readonly limits: RecorderLimits;
}

/** Body up, acks down, on one stream. */
class UploadV2 implements Upload {
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

  constructor({ attempt, session, request, recorder, limits }: UploadV2Options) {
    this.recorder = recorder;
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

  readonly #onResponse = (): void => this.#silence.restart();

  readonly #onData = (chunk: Buffer): void => {
    const { objects, violation } = this.#answer.push(chunk);
    for (const object of objects) this.#onObject(object);
    if (violation !== undefined) this.#fate.fail('protocol', 'ack', `sent no ack: ${violation}`);
  };

  #onObject(object: Readonly<Record<string, unknown>>): void {
    if (this.#fate.state === 'over') return;
    const { ack, error } = object;
    if (typeof error === 'string' && error !== '') {
      this.#fate.fail(
        'reported',
        'stream',
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
