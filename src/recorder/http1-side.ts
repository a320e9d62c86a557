import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../errors.ts';
import type { AccessRefusal, AccessRight } from './access.ts';
import type { RecorderContext } from './context.ts';
import { peerAddress } from './peer.ts';
import { serveRecordV1 } from './record-v1.ts';
import { answerPlain, type PlainReply, pathOf } from './routes.ts';
import { SocketDeadline } from './socket-deadline.ts';

const MAX_HEADER_BYTES = 16 * 1024;

/**
 * The HTTP/1.1 half. The server never listens: it is given sockets, so Node's own header time-outs, which start with
 * `listen`, do not run, and one deadline per socket takes their place.
 */
export class Http1Side {
  readonly #context: RecorderContext;
  readonly #server: Server;
  readonly #deadline: SocketDeadline;

  constructor(context: RecorderContext) {
    this.#context = context;
    this.#deadline = new SocketDeadline(context.limits.requestHeadMs);
    this.#server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0, headersTimeout: 0 });
    this.#server.on('request', (request, response) => this.#onRequest(request, response, 'nothing'));
    this.#server.on('checkContinue', (request, response) => this.#onRequest(request, response, 'continue'));
  }

  take(socket: Socket): void {
    this.#deadline.track(socket);
    this.#server.emit('connection', socket);
  }

  /** Ends the sockets that have no request in hand; the others end with their answer. */
  stop(): void {
    this.#deadline.destroyIdle();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse, expects: 'continue' | 'nothing'): void {
    const { socket } = request;
    this.#deadline.begin(socket);
    response.once('close', () => {
      this.#deadline.done(socket);
      if (this.#context.isStopping()) socket.destroySoon();
    });
    response.on('error', error => this.#context.log.warn({ err: error }, 'an answer could not be sent'));
    if (this.#context.isStopping()) response.shouldKeepAlive = false;
    this.#serve(request, response, expects).catch(error => {
      this.#context.log.error({ err: error }, 'a request failed');
      socket.destroy();
    });
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    expects: 'continue' | 'nothing',
  ): Promise<void> {
    const method = request.method ?? '';
    const target = request.url ?? '';
    if (method === 'POST' && pathOf(target) === '/record') {
      return serveRecordV1(request, response, expects, peerAddress(request.socket), this.#context);
    }
    const { authorization, range } = request.headers;
    const refusal = (right: AccessRight): AccessRefusal | undefined =>
      this.#context.access.refusal(right, authorization, request.socket);
    if (expects === 'continue') response.writeContinue();
    const reply = await answerPlain(
      { version: 'http1', method, target, body: request, range, refusal },
      this.#context,
    );
    // A refused body may still be coming: do not take what follows for the next request's wait.
    if (!request.complete) response.shouldKeepAlive = false;
    await this.#send(request, response, reply);
  }

  async #send(request: IncomingMessage, response: ServerResponse, reply: PlainReply): Promise<void> {
    const { status, type, body } = reply;
    const length = Buffer.isBuffer(body) ? body.length : body.bytes;
    response.writeHead(status, {
      'content-type': type,
      'content-length': length,
      'x-content-type-options': 'nosniff',
      ...reply.headers,
    });
    if (Buffer.isBuffer(body) || request.method === 'HEAD') {
      response.end(Buffer.isBuffer(body) ? body : undefined);
      return;
    }
    const { socket } = request;
    const onStalled = (): void => {
      socket.destroy();
    };
    socket.setTimeout(this.#context.limits.downloadStallMs, onStalled);
    try {
      await pipeline(body.body, response);
    } catch (error) {
      this.#context.log.warn({ reason: messageOf(error) }, 'a download was cut');
    } finally {
      socket.setTimeout(0);
      socket.off('timeout', onStalled);
    }
  }
}
