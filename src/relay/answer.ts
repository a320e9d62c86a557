import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WitnessError } from '../errors.ts';
import { upstreamResponseHeaders } from '../headers.ts';
import { statusOf } from '../kube/status.ts';

/** How long an answer on a raw socket may take to be taken by the client. */
const ANSWER_MS = 10_000;

/**
 * Answers an upgrade request with an error, as a Kubernetes Status, and closes our half. Resolves when it is written,
 * or the socket is gone.
 */
export async function answerErrorOnSocket(socket: Duplex, error: WitnessError): Promise<void> {
  const body = JSON.stringify(statusOf(error));
  const head = [
    `HTTP/1.1 ${error.status} ${error.reason}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ].join('\r\n');
  await endWith(socket, `${head}\r\n\r\n${body}`);
}

/**
 * Writes upstream's refusal of an upgrade to the client as it came: status, header lines, body. The body is ended by
 * the close of the connection, which every client of an upgrade understands. The upstream connection is destroyed.
 */
export async function answerAsItCame(socket: Duplex, response: IncomingMessage): Promise<void> {
  const { statusCode = 502, statusMessage = '', rawHeaders } = response;
  const kept = upstreamResponseHeaders(rawHeaders);
  let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let at = 0; at + 1 < kept.length; at += 2) head += `${kept[at]}: ${kept[at + 1]}\r\n`;
  socket.write(Buffer.from(`${head}Connection: close\r\n\r\n`, 'latin1'));
  await new Promise<void>(resolve => {
    const timer = setTimeout(finish, ANSWER_MS);
    function finish(): void {
      clearTimeout(timer);
      socket.off('close', finish);
      response.off('end', finish);
      response.off('close', finish);
      resolve();
    }
    response.on('error', finish);
    response.on('end', finish);
    response.on('close', finish);
    socket.on('close', finish);
    response.pipe(socket, { end: false });
  });
  response.unpipe(socket);
  response.destroy();
  await endWith(socket);
}

function endWith(socket: Duplex, text?: string): Promise<void> {
  return new Promise(resolve => {
    if (socket.destroyed || socket.writableEnded) {
      resolve();
      return;
    }
    const timer = setTimeout(finish, ANSWER_MS);
    function finish(): void {
      clearTimeout(timer);
      socket.off('close', finish);
      socket.off('finish', finish);
      resolve();
    }
    socket.on('close', finish);
    socket.on('finish', finish);
    if (text === undefined) socket.end();
    else socket.end(text);
  });
}
