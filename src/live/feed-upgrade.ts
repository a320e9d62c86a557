import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Feed } from './feed.ts';

/** Viewers send nothing but pongs, and a close. */
const MAX_PAYLOAD_BYTES = 1024;

/** Answers the upgrade of a page's feed. Pages of other origins, and what has no origin, are refused. */
export function feedUpgrade(feed: Feed): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Compressing for each viewer anew would cost the sessions their CPU.
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD_BYTES,
  });
  return (request, socket, head) => {
    if (!isSameOrigin(request.headers.origin, request.headers.host)) {
      refuse(socket, '403 Forbidden');
      return;
    }
    server.handleUpgrade(request, socket, head, viewer => feed.add(viewer));
  };
}

/** True: the page that asks was served under the same host and port as is asked. RFC 6454 7; RFC 6455 10.2. */
export function isSameOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined || host === undefined) return false;
  return [`http://${host}`, `https://${host}`].includes(origin.toLowerCase()) && host !== '';
}

/** Ends an upgrade with a plain answer. */
export function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
