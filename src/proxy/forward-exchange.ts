import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { messageOf, WitnessError } from '../errors.ts';
import { upstreamFailure } from '../upstream/failure.ts';
import { answerError } from './answer.ts';
import { passResponse } from './forward-response.ts';
import { WatchAnswer } from './watch-answer.ts';

export interface ExchangeOptions {
  readonly hasBody: boolean;
  readonly watch: boolean;
  /** Read whole before; undefined: it streams. */
  readonly body?: Buffer;
  /** From the last byte of the request to upstream's headers; undefined: as long as it takes. */
  readonly responseHeadersMs: number | undefined;
  readonly connectMs: number;
  /** Sends the request once more, on a connection that was never used. */
  readonly sendAgain: () => void;
  readonly over: () => void;
  readonly log: { warn(fields: object, message: string): void };
}

/** One attempt to have the request answered, on one connection. */
interface Attempt {
  readonly upstream: ClientRequest;
  socket: Socket | undefined;
  /** Bytes that the connection had brought before this attempt got it. */
  bytesBefore: number;
}

/** Errors of a connection that was closed by the other end while it lay idle. */
const STALE: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** A client's request and what comes of it: joins the two ends, and sees to it that neither outlives the other. */
export class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ExchangeOptions;
  #state: 'waiting' | 'answering' | 'over' = 'waiting';
  #attempt: Attempt | undefined;
  #timer: NodeJS.Timeout | undefined;
  #answer: WatchAnswer | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
    response.once('close', this.#onClientDone);
    if (options.responseHeadersMs !== undefined) {
      this.#timer = setTimeout(this.#onLate, options.responseHeadersMs);
      // An upload may take long as long as it moves.
      if (options.hasBody) request.on('data', this.#onProgress);
    }
  }

  /** The request to upstream exists; nothing of it was sent. */
  begin(upstream: ClientRequest): void {
    const attempt: Attempt = { upstream, socket: undefined, bytesBefore: 0 };
    this.#attempt = attempt;
    upstream.once('socket', socket => {
      attempt.socket = socket;
      attempt.bytesBefore = socket.bytesRead;
      if (socket.connecting) this.#boundConnecting(upstream, socket);
    });
    upstream.once('response', this.#onResponse);
    upstream.once('close', () => {
      if (this.#attempt === attempt && this.#state === 'waiting') this.fail(withoutAnswer());
    });
    if (this.#options.body !== undefined) upstream.end(this.#options.body);
    else if (this.#options.hasBody) this.#upload(upstream);
    else upstream.end();
  }

  /** Upstream's connection or the client's has failed. */
  failed(error: Error): void {
    // After the answer began, its own end decides, and `#end` takes care of the rest of an upload.
    if (this.#state !== 'waiting') return;
    if (error === this.#request.errored) {
      // Half a request came; there is nobody to answer.
      this.#response.destroy();
    } else if (this.#wasStale(error)) {
      this.#attempt = undefined;
      this.#options.sendAgain();
    } else {
      this.fail(upstreamFailure(error));
    }
  }

  /** Ends it with an error: told to the client if no answer has begun, else by a cut. */
  fail(error: WitnessError): void {
    if (this.#state === 'over') return;
    const { cause } = error;
    this.#options.log.warn(
      { code: error.code, ...(cause === undefined ? {} : { cause: messageOf(cause) }) },
      'request to the API server failed',
    );
    this.#end();
    answerError(this.#response, error);
  }

  /**
   * Ends a watch whole: clients then watch on, here or elsewhere, from where they were. One whose answer has not begun is
   * refused. A last event that is half through goes out first.
   */
  endWatch(error: WitnessError): void {
    if (!this.#options.watch || this.#state === 'over') return;
    if (this.#answer === undefined) this.fail(error);
    else this.#answer.endBetweenEvents();
  }

  #upload(upstream: ClientRequest): void {
    this.#request.pipe(upstream);
    // Upstream may refuse by the headers alone, and a stream through a service proxy may begin with an answer. Where the
    // first bytes came along with the headers, both go in one write.
    process.nextTick(() => {
      if (!this.#request.readableDidRead && !upstream.destroyed) upstream.flushHeaders();
    });
  }

  #end(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#stopTimer();
    this.#response.off('close', this.#onClientDone);
    const uploading = this.#options.hasBody && !this.#request.readableEnded;
    // Otherwise its connection goes back to the agent.
    if (uploading || !this.#response.writableFinished) this.#attempt?.upstream.destroy();
    if (uploading) {
      // A final answer is the last word. What still comes has no reader, and unread it would hold up the client's next
      // request.
      this.#request.unpipe();
      this.#request.resume();
    }
    this.#options.over();
  }

  /**
   * Whether the connection was a kept one that upstream had closed before it saw the request. Only for requests that may
   * be repeated (RFC 9110 section 9.2.2) and have no body; only once, since the second attempt keeps no connections.
   */
  #wasStale(error: Error): boolean {
    const { method } = this.#request;
    if (this.#options.hasBody || (method !== 'GET' && method !== 'HEAD')) return false;
    const { upstream, socket, bytesBefore } = this.#attempt ?? {};
    if (upstream?.reusedSocket !== true || socket === undefined) return false;
    return 'code' in error && STALE.has(String(error.code)) && socket.bytesRead === bytesBefore;
  }

  #boundConnecting(upstream: ClientRequest, socket: Socket): void {
    const onLate = (): void => {
      stop();
      if (this.#attempt?.upstream === upstream) this.fail(unreachable(this.#options.connectMs));
    };
    const stop = (): void => {
      clearTimeout(timer);
      socket.off(ready, stop);
      socket.off('close', stop);
    };
    const ready = socket instanceof TLSSocket ? 'secureConnect' : 'connect';
    const timer = setTimeout(onLate, this.#options.connectMs);
    socket.on(ready, stop);
    socket.on('close', stop);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#request.off('data', this.#onProgress);
  }

  readonly #onResponse = (answer: IncomingMessage): void => {
    if (this.#state !== 'waiting') {
      answer.destroy();
      return;
    }
    try {
      // Node emits a 101 without `Connection: upgrade` as an answer; with it, it closes the connection.
      if (answer.statusCode === 101) throw new Error('a 101 to a request that asked for no upgrade');
      passResponse(answer, this.#response);
      if (this.#options.watch) this.#answer = new WatchAnswer(answer, this.#response);
      this.#state = 'answering';
      this.#stopTimer();
    } catch (error) {
      this.fail(
        new WitnessError('KW_UPSTREAM_PROTOCOL', "the API server's answer cannot be passed on as HTTP", {
          cause: error,
        }),
      );
    }
  };

  /** The answer was handed over whole, or the client has left. */
  readonly #onClientDone = (): void => this.#end();

  readonly #onProgress = (): void => {
    this.#timer?.refresh();
  };

  readonly #onLate = (): void => {
    const seconds = (this.#options.responseHeadersMs ?? 0) / 1_000;
    const stalled = !this.#request.complete && this.#attempt?.upstream.writableNeedDrain !== true;
    this.fail(
      stalled
        ? new WitnessError('KW_BAD_REQUEST', `nothing more of the request body came for ${seconds} s`)
        : new WitnessError('KW_UPSTREAM_TIMEOUT', `the API server did not answer within ${seconds} s`),
    );
  };
}

function withoutAnswer(): WitnessError {
  return new WitnessError('KW_UPSTREAM_PROTOCOL', 'the API server ended the connection without an answer');
}

function unreachable(connectMs: number): WitnessError {
  return new WitnessError(
    'KW_UPSTREAM_UNREACHABLE',
    `the API server cannot be reached: no connection within ${connectMs / 1_000} s`,
  );
}
