import type { IncomingMessage } from 'node:http';
import { createServer as createPlainServer } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { AuditSink } from '../audit/record.ts';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { WitnessError } from '../errors.ts';
import { listen } from '../listen.ts';
import { loadAssets } from '../live/assets.ts';
import { Feed } from '../live/feed.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import { Spectators } from '../live/spectators.ts';
import type { Logger } from '../log.ts';
import { createLogger } from '../log.ts';
import type { LiveCast } from '../recording/live-cast.ts';
import type { AdminAccess } from './access.ts';
import { visitorOf } from './access.ts';
import { isLoopback, isOwnHost } from './host-rule.ts';
import { RecordingsRoutes } from './recordings-routes.ts';
import type { AdminSessions, ProcessState } from './routes.ts';
import { AdminRoutes } from './routes.ts';
import { SignInRoutes } from './sign-in-routes.ts';
import { SignIns } from './sign-ins.ts';
import { ViewAudit } from './view-audit.ts';
import { Viewers } from './viewers.ts';

export interface AdminOptions {
  readonly address: string;
  readonly port: number;
  /** Without it plain HTTP is spoken. */
  readonly tls?: ServerOptions;
  readonly access: AdminAccess;
  readonly sessions: AdminSessions & { liveCast(id: string): LiveCast | undefined };
  readonly audit: AuditSink;
  /** Whether the audit's policy lets anything begin now. */
  readonly mayBegin: () => boolean;
  /** Played by the page. */
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
  /** For connections from now on. */
  setTls(tls: ServerOptions): void;
  /** Whoever has signed in must do so again. */
  forgetSignIns(): void;
  close(): Promise<void>;
}

/** Beside the built server: `dist/live` next to `dist/src`. */
const BUILT_PAGE = fileURLToPath(new URL('../../live/', import.meta.url));

/** The operator's side door: what runs, and whether it is well. By default it listens on loopback only. */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const { access, sessions, audit, recordings, tls } = options;
  const { log = createLogger('warn'), clock = systemClock } = options;
  const secure = tls === undefined ? undefined : createTlsServer({ minVersion: 'TLSv1.2', ...tls });
  const server = secure ?? createPlainServer();
  const assets = loadAssets(options.page ?? BUILT_PAGE);
  const bound = await listen(server, options.address, options.port);
  const loopback = isLoopback(bound.address);
  const signIns = new SignIns(clock);
  const feed = new Feed({ sessions, clock, recordings: recordings !== undefined });
  const spectators = new Spectators();
  const views = new ViewAudit({ audit, clock, mayBegin: options.mayBegin });
  const visitor = (request: IncomingMessage) => visitorOf(request, access, { signIns, loopback });
  /** Elsewhere, probes come under whatever name the cluster has for us. */
  const checkHost = ({ headers }: IncomingMessage, part: 'probe' | 'page'): void => {
    if (isOwnHost(headers.host, access.hosts) || (part === 'probe' && !loopback)) return;
    throw new WitnessError(
      'KW_MISDIRECTED',
      'ask for this server by its address or as localhost; other names stand in admin.hosts',
    );
  };
  const routes = new AdminRoutes({
    sessions,
    assets,
    audit,
    log,
    visitor,
    checkHost,
    signIn: new SignInRoutes({ access, signIns }),
    ...(recordings === undefined ? {} : { recordings: new RecordingsRoutes(recordings, views, log) }),
    ...(options.process === undefined ? {} : { process: options.process }),
  });
  const liveCast = (id: string): LiveCast | undefined => sessions.liveCast(id);
  const viewers = new Viewers({ feed, spectators, liveCast, views, audit, log, visitor, checkHost });
  server.on('request', (request, response) => void routes.answer(request, response));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void viewers.take(request, socket, head);
  });
  return {
    address: bound.address,
    port: bound.port,
    setTls: changed => secure?.setSecureContext({ minVersion: 'TLSv1.2', ...changed }),
    forgetSignIns: () => signIns.close(),
    close: () =>
      new Promise<void>(done => {
        signIns.close();
        feed.close();
        spectators.close();
        server.close(() => done());
        server.closeAllConnections();
        viewers.close();
      }),
  };
}
