import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../errors.ts';
import type { AccessRefusal, AccessRight } from './access.ts';
import type { RecorderContext } from './context.ts';
import { peerAddress } from './peer.ts';
import { refuse, serveRecordV2, stopSender } from './record-v2.ts';
import { answerPlain, type PlainReply, pathOf } from './routes.ts';

const MAX_STREAMS_PER_CONNECTION = 128;
/** Flow control window: what one upload may have in flight before it is written. */
const WINDOW_BYTES = 256 * 1024;
const MAX_SESSION_MEGABYTES = 16;

/** The HTTP/2 half, given sockets whose first bytes were the preface. */
export class Http2Side {
  readonly #context: RecorderContext;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(context: RecorderContext) {
    this.#context = context;
    this.#server = createServer({
      maxSessionMemory: MAX_SESSION_MEGABYTES,
      settings: { maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION, initialWindowSize: WINDOW_BYTES },
    });
    this.#server.on('session', this.#onSession);
    this.#server.on('sessionError', (error: Error) => {
      this.#context.log.warn({ reason: error.message }, 'an HTTP/2 connection failed');
    });
  }

  take(socket: Socket): void {
    // An HTTP/2 peer that half-closes has left: there is nothing that it could still read in order.
    socket.allowHalfOpen = false;
    this.#server.emit('connection', socket);
  }

  /** GOAWAY: open streams go on, no new ones come. */
  stop(): void {
    for (const session of this.#sessions) session.close();
  }

  readonly #onSession = (session: ServerHttp2Session): void => {
    const from = peerAddress(session.socket);
    let openStreams = 0;
    let idle = false;
    let answered = true;
    this.#sessions.add(session);
    const beat = setInterval(onBeat, this.#context.limits.pingMs);
    session.on('stream', (stream, headers) => {
      openStreams++;
      stream.once('close', () => {
        openStreams--;
      });
      this.#onStream(stream, headers, from);
    });
    session.once('close', () => {
      clearInterval(beat);
      this.#sessions.delete(session);
    });

    /** Closes a connection that stayed without a stream from one beat to the next, or whose peer fell silent. */
    function onBeat(): void {
      if (session.destroyed) return;
      if (!answered) {
        session.destroy();
        return;
      }
      if (openStreams === 0 && idle) {
        session.close();
        return;
      }
      idle = openStreams === 0;
      answered = false;
      session.ping(error => {
        answered = error === null;
      });
    }
  };

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, from: string): void {
    stream.on('error', error =>
      this.#context.log.warn({ reason: error.message, from }, 'an HTTP/2 stream failed'),
    );
    this.#serve(stream, headers, from).catch(error => {
      this.#context.log.error({ err: error, from }, 'a request failed');
      if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, from: string): Promise<void> {
    const method = headers[':method'] ?? '';
    const target = headers[':path'] ?? '';
    const { authorization, range } = headers;
    const refusal = (right: AccessRight): AccessRefusal | undefined =>
      this.#context.access.refusal(right, authorization, stream.session?.socket);
    if (method === 'POST' && pathOf(target) === '/v2/record') {
      const barred = refusal('upload');
      if (barred === undefined) return serveRecordV2(stream, from, this.#context);
      return refuse(stream, barred);
    }
    const reply = await answerPlain(
      { version: 'http2', method, target, body: stream, range, refusal },
      this.#context,
    );
    await this.#send(stream, method, reply);
  }

  async #send(stream: ServerHttp2Stream, method: string, reply: PlainReply): Promise<void> {
    const { status, type, body } = reply;
    if (stream.destroyed) {
      if (!Buffer.isBuffer(body)) body.body.destroy();
      return;
    }
    const headers = {
      ':status': status,
      'content-type': type,
      'content-length': Buffer.isBuffer(body) ? body.length : body.bytes,
      ...reply.headers,
    };
    if (method === 'HEAD') return stream.respond(headers, { endStream: true });
    stream.respond(headers);
    if (Buffer.isBuffer(body)) {
      stream.end(body, () => stopSender(stream));
      return;
    }
    const onStalled = (): void => stream.close(constants.NGHTTP2_CANCEL);
    stream.setTimeout(this.#context.limits.downloadStallMs, onStalled);
    try {
      await pipeline(body.body, stream);
    } catch (error) {
      this.#context.log.warn({ reason: messageOf(error) }, 'a download was cut');
    }
  }
}
