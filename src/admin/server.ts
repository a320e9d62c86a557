import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { listen } from '../listen.ts';
import { loadAssets } from '../live/assets.ts';
import { Feed } from '../live/feed.ts';
import { FEED_PATH } from '../live/feed-message.ts';
import { feedUpgrade, refuse } from '../live/feed-upgrade.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import type { Logger } from '../log.ts';
import { createLogger } from '../log.ts';
import { isLocalHost, isLoopback } from './host-rule.ts';
import { RecordingsRoutes } from './recordings-routes.ts';
import type { AdminSessions, ProcessState } from './routes.ts';
import { AdminRoutes } from './routes.ts';

export interface AdminOptions {
  readonly address: string;
  readonly port: number;
  readonly sessions: AdminSessions;
  /** Played by the page. Only a listener on loopback serves them: there are no roles yet. */
  readonly recordings?: RecordingsReader;
  /** For /readyz and /metrics. */
  readonly process?: ProcessState;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Folder of the built page. */
  readonly page?: string;
}

export interface AdminServer {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Beside the built server: `dist/live` next to `dist/src`. */
const BUILT_PAGE = fileURLToPath(new URL('../../live/', import.meta.url));

/** The operator's side door: what runs, and whether it is well. By default it listens on loopback only. */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const { address, port, sessions, log = createLogger('warn'), clock = systemClock } = options;
  const assets = loadAssets(options.page ?? BUILT_PAGE);
  const server = createServer();
  const bound = await listen(server, address, port);
  const local = isLoopback(bound.address);
  const recordings = local ? options.recordings : undefined;
  const feed = new Feed({ sessions, clock, recordings: recordings !== undefined });
  const upgrade = feedUpgrade(feed);
  const routes = new AdminRoutes({
    sessions,
    assets,
    ...(local ? { mayAnswer: isLocalHost } : {}),
    ...(recordings === undefined ? {} : { recordings: new RecordingsRoutes(recordings, log) }),
    ...(options.process === undefined ? {} : { process: options.process }),
  });
  server.on('request', (request, response) => routes.answer(request, response));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (local && !isLocalHost(request.headers.host)) refuse(socket, '421 Misdirected Request');
    else if (request.url === FEED_PATH) upgrade(request, socket, head);
    else refuse(socket, '404 Not Found');
  });
  return {
    address: bound.address,
    port: bound.port,
    close: () =>
      new Promise<void>(done => {
        feed.close();
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
