import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WitnessError } from '../errors.ts';
import { statusOf } from '../kube/status.ts';
import type { ViewerSocket } from './viewer.ts';

/** Viewers send nothing but pongs, and a close. */
const MAX_PAYLOAD_BYTES = 1024;
/** Of the cast of a live session, as players of asciinema ask for it. */
const CAST_SUBPROTOCOL = 'v2.asciicast';

export type ViewerUpgrade = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  add: (viewer: ViewerSocket) => void,
) => void;

/** Answers upgrades of viewers who were let in. */
export function viewerUpgrade(): ViewerUpgrade {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Compressing for each viewer anew would cost the sessions their CPU.
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD_BYTES,
    handleProtocols: offered => (offered.has(CAST_SUBPROTOCOL) ? CAST_SUBPROTOCOL : false),
  });
  return (request, socket, head, add) => server.handleUpgrade(request, socket, head, add);
}

/** True: the page that asks was served under the same host and port as is asked. RFC 6454 7; RFC 6455 10.2. */
export function isSameOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined || host === undefined) return false;
  return [`http://${host}`, `https://${host}`].includes(origin.toLowerCase()) && host !== '';
}

/** Ends an upgrade with a Status. */
export function refuseUpgrade(socket: Duplex, error: WitnessError): void {
  const body = JSON.stringify(statusOf(error));
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}\r\nconnection: close\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
