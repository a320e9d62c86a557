import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessRefusal } from './access.ts';
import { BodyReader } from './body-reader.ts';
import type { RecorderContext } from './context.ts';
import { admit, receive, refuseBusy, type UploadRefusal, type UploadSender } from './receive.ts';
import { CHALLENGE } from './routes.ts';

/**
 * `POST /record`: `100 Continue` says that a recording is open, the final 200 that it is stored. Whoever did not
 * send `Expect` just gets the 200.
 */
export async function serveRecordV1(
  request: IncomingMessage,
  response: ServerResponse,
  expects: 'continue' | 'nothing',
  from: string,
  context: RecorderContext,
): Promise<void> {
  const origin = { from, protocol: 'v1' } as const;
  const body = new BodyReader(request, () => 'the connection was lost before the end of the body');
  const barred = context.access.refusal('upload', request.headers.authorization, request.socket);
  if (barred !== undefined) return refuse(body, request, response, barred, context);
  if (context.uploads.isFull) return refuse(body, request, response, refuseBusy(context, origin), context);
  try {
    await context.uploads.run(body, async () => {
      const admission = await admit(context, origin);
      if (admission.kind === 'refused') return refuse(body, request, response, admission.refusal, context);
      if (expects === 'continue') response.writeContinue();
      const result = await receive(context, body, admission.writer, SENDER);
      if (result.kind === 'stored') response.writeHead(200, { 'content-length': 0 }).end();
      if (result.kind === 'refused') refuse(body, request, response, result.refusal, context);
    });
  } finally {
    body.release();
  }
}

/** v1 has no acks, and a chunked body either ends or does not. */
const SENDER: UploadSender = { written: () => {}, doubt: () => undefined };

/**
 * Answers while the body may still be coming. Closing at once would reset the connection and take the answer with it
 * (RFC 9112 section 9.6), so the rest is read and dropped for a while, and only then does the response end, upon which
 * Node closes.
 */
function refuse(
  body: BodyReader,
  request: IncomingMessage,
  response: ServerResponse,
  refusal: UploadRefusal | AccessRefusal,
  context: RecorderContext,
): void {
  const text = `${JSON.stringify({ error: refusal.message })}\n`;
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...(refusal.status === 401 && CHALLENGE),
  };
  response.shouldKeepAlive = false;
  response.writeHead(refusal.status, headers).write(text);
  const linger = setTimeout(end, context.limits.lingerMs);
  request.once('end', end);
  request.once('close', end);
  body.drop();

  function end(): void {
    clearTimeout(linger);
    request.off('end', end);
    request.off('close', end);
    response.end();
  }
}
