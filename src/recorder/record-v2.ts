import { constants, type ServerHttp2Stream } from 'node:http2';
import type { AccessRefusal } from './access.ts';
import { AckPacer } from './ack-pacer.ts';
import { BodyReader } from './body-reader.ts';
import type { RecorderContext } from './context.ts';
import { admit, receive, refuseBusy, type UploadRefusal } from './receive.ts';
import { CHALLENGE } from './routes.ts';

/**
 * `POST /v2/record`: the 200 goes out before the body is read, then `{"ack":N}` objects, N being the bytes of this
 * body that were written to the storage; last an end of the response, or `{"error":"…"}` and an end.
 */
export async function serveRecordV2(
  stream: ServerHttp2Stream,
  from: string,
  context: RecorderContext,
): Promise<void> {
  const { downloadStallMs: stallMs } = context.limits;
  const origin = { from, protocol: 'v2' } as const;
  if (context.uploads.isFull) return refuse(stream, refuseBusy(context, origin));
  const reset = new ResetWatch(stream);
  const body = new BodyReader(
    stream,
    () => reset.reason ?? 'the connection was lost before the end of the body',
  );
  try {
    await context.uploads.run(body, async () => {
      const admission = await admit(context, origin);
      if (admission.kind === 'refused') {
        body.drop();
        return refuse(stream, admission.refusal);
      }
      if (!stream.destroyed) {
        stream.respond({
          ':status': 200,
          'content-type': 'application/json',
          // Where it can be read; the proxy's audit keeps it. Tailscale's proxy does not look.
          'content-location': `/api/v1/recordings/${admission.writer.id}`,
        });
      }
      const pacer = new AckPacer(acked => send(stream, acked), context.limits);
      const result = await receive(context, body, admission.writer, {
        written: total => pacer.written(total),
        doubt: () => reset.reason,
      });
      pacer.stop();
      if (result.kind === 'stored') await finish(stream, { ack: result.manifest.bytes }, stallMs);
      if (result.kind === 'refused') {
        // Node closes a stream only once all that came is read, also what came after the recording had been cut.
        body.drop();
        await finish(stream, errorOf(result.refusal), stallMs);
      }
    });
  } finally {
    body.release();
  }
}

/**
 * Tells a reset from a lost connection, when it happens: Node closes the streams of a lost one with a code as well.
 * Asked also after the end of a body, since Node's client, when it cancels with `close(code)`, ends the body first and
 * resets the stream right after: the END_STREAM alone would make a cancelled upload look whole.
 */
class ResetWatch {
  readonly #stream: ServerHttp2Stream;
  #reason: string | undefined;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    stream.once('aborted', this.#onAborted);
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  readonly #onAborted = (): void => {
    const { session, rstCode } = this.#stream;
    if (session === undefined || session.destroyed || session.socket.destroyed) return;
    this.#reason = `the sender reset the upload (HTTP/2 error code ${rstCode})`;
  };
}

/** A peer that does not read its acks gets none: at most one write waits in the stream. */
function send(stream: ServerHttp2Stream, ack: number): boolean {
  if (stream.writableEnded || stream.destroyed || stream.writableLength > 0) return false;
  stream.write(`${JSON.stringify({ ack })}\n`);
  return true;
}

/** Resolves once the stream is closed; a peer that does not take the last object within `stallMs` is cut. */
function finish(stream: ServerHttp2Stream, last: object, stallMs: number): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed) return resolve();
    stream.once('close', resolve);
    stream.setTimeout(stallMs, () => stream.close(constants.NGHTTP2_CANCEL));
    stream.end(`${JSON.stringify(last)}\n`, () => stopSender(stream));
  });
}

/** RFC 9113 section 8.1: asks a peer that still sends its body to stop, without taking the whole answer back. */
export function stopSender(stream: ServerHttp2Stream): void {
  if (!stream.endAfterHeaders && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}

function errorOf(refusal: UploadRefusal | AccessRefusal): object {
  return { error: refusal.message, ...('kind' in refusal ? { kind: refusal.kind } : {}) };
}

export function refuse(stream: ServerHttp2Stream, refusal: UploadRefusal | AccessRefusal): void {
  if (stream.destroyed) return;
  stream.respond({
    ':status': refusal.status,
    'content-type': 'application/json',
    ...(refusal.status === 401 && CHALLENGE),
  });
  stream.end(`${JSON.stringify(errorOf(refusal))}\n`, () => stopSender(stream));
}
