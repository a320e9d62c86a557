import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { listen } from '../listen.ts';
import type { Inspected } from '../session/inspection.ts';

/** What an inspector may leave unread before it is dropped. Bytes. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** Actors that one who comes late is told of. */
const MAX_ACTORS = 1_000;
const MAX_INSPECTORS = 10;
const CLOSE_SLOW = 4001;
const LOCAL = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)(?::\d{1,5})?$/i;

export interface InspectServer {
  readonly port: number;
  tell(event: Inspected): void;
  close(): Promise<void>;
}

interface Known {
  readonly actor: string;
  snapshot: string | undefined;
}

/**
 * For people who develop machines: every step of every actor, as the Stately inspector reads it, on 127.0.0.1 and nowhere
 * else. Pages from elsewhere are refused: a browser would let them in.
 */
export async function startInspectServer(port: number): Promise<InspectServer> {
  const inspectors = new Set<WebSocket>();
  const known = new Map<string, Known>();
  const http = createServer((_request, response) => {
    response.writeHead(426, { upgrade: 'websocket', 'content-type': 'text/plain' });
    response.end('This speaks the protocol of @statelyai/inspect, over WebSocket.\n');
  });
  const server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: 1024 });
  http.on('upgrade', (request, socket, head) => {
    if (!isLocal(request) || inspectors.size >= MAX_INSPECTORS) {
      socket.on('error', () => socket.destroy());
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    server.handleUpgrade(request, socket, head, inspector => {
      inspectors.add(inspector);
      inspector.on('close', () => inspectors.delete(inspector));
      inspector.on('error', () => inspector.terminate());
      for (const { actor, snapshot } of known.values()) {
        inspector.send(actor);
        if (snapshot !== undefined) inspector.send(snapshot);
      }
    });
  });
  const bound = await listen(http, '127.0.0.1', port);
  return {
    port: bound.port,
    tell: event => {
      const text = JSON.stringify(event);
      remember(known, event, text);
      for (const inspector of inspectors) {
        if (inspector.bufferedAmount + text.length > MAX_BUFFERED_BYTES) {
          inspector.close(CLOSE_SLOW, 'too slow');
          inspector.terminate();
        } else {
          inspector.send(text);
        }
      }
    },
    close: () =>
      new Promise(done => {
        for (const inspector of inspectors) inspector.terminate();
        http.close(() => done());
        http.closeAllConnections();
      }),
  };
}

/** Keeps what there is to say of the actors that live. */
function remember(known: Map<string, Known>, event: Inspected, text: string): void {
  if (event.type === '@xstate.actor') {
    known.set(event.sessionId, { actor: text, snapshot: undefined });
    const [oldest] = known.keys();
    if (known.size > MAX_ACTORS && oldest !== undefined) known.delete(oldest);
  }
  if (event.type !== '@xstate.snapshot') return;
  if (event.snapshot.status === 'active') {
    const actor = known.get(event.sessionId);
    if (actor !== undefined) actor.snapshot = text;
  } else {
    known.delete(event.sessionId);
  }
}

function isLocal({ headers: { host = '', origin } }: IncomingMessage): boolean {
  if (!LOCAL.test(host)) return false;
  return origin === undefined || (URL.canParse(origin) && LOCAL.test(new URL(origin).host));
}
