import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AuditSink } from '../audit/record.ts';
import { WitnessError } from '../errors.ts';
import type { Feed } from '../live/feed.ts';
import { FEED_PATH, WATCH_PATH } from '../live/feed-message.ts';
import type { Spectators } from '../live/spectators.ts';
import type { ViewerSocket } from '../live/viewer.ts';
import { isSameOrigin, refuseUpgrade, viewerUpgrade } from '../live/viewer-upgrade.ts';
import type { Logger } from '../log.ts';
import type { LiveCast } from '../recording/live-cast.ts';
import type { Visitor } from './access.ts';
import { requireRole } from './access.ts';
import { refusalOf } from './refusal.ts';
import type { ViewAudit } from './view-audit.ts';

/** A WebSocket of somebody known is cut after this at most, and whoever comes again is looked at again. */
const MAX_VISIT_MS = 60 * 60 * 1000;

export interface ViewersOptions {
  readonly feed: Feed;
  readonly spectators: Spectators;
  readonly liveCast: (id: string) => LiveCast | undefined;
  readonly views: ViewAudit;
  readonly audit: AuditSink;
  readonly log: Logger;
  readonly visitor: (request: IncomingMessage) => Promise<Visitor>;
  /** Throws KW_MISDIRECTED. */
  readonly checkHost: (request: IncomingMessage, part: 'page') => void;
}

/** The upgrades of the admin port: the feed, and live sessions. Pages of other origins, and what has none, are refused. */
export class Viewers {
  readonly #options: ViewersOptions;
  readonly #upgrade = viewerUpgrade();
  readonly #sockets = new Set<Duplex>();

  constructor(options: ViewersOptions) {
    this.#options = options;
  }

  async take(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { log, checkHost, visitor } = this.#options;
    const onError = (error: Error): void => log.debug({ error: error.message }, 'viewer socket failed');
    socket.on('error', onError);
    let who: Visitor | undefined;
    try {
      checkHost(request, 'page');
      const show = this.#showingOf(request);
      if (!isSameOrigin(request.headers.origin, request.headers.host)) {
        throw new WitnessError('KW_FORBIDDEN', 'this request was made by a page of another origin');
      }
      who = await visitor(request);
      const add = show(who);
      this.#bound(socket, who);
      this.#upgrade(request, socket, head, add);
    } catch (thrown) {
      refuseUpgrade(socket, refusalOf(thrown, request, who, this.#options));
    } finally {
      socket.off('error', onError);
    }
  }

  /** Cuts what its own goodbye has not ended. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Given who asks, either takes the viewer or throws. */
  #showingOf({ url = '' }: IncomingMessage): (who: Visitor) => (viewer: ViewerSocket) => void {
    const { feed, spectators, liveCast, views } = this.#options;
    if (url === FEED_PATH) {
      return who => {
        requireRole(who, 'viewer');
        return viewer => feed.add(viewer);
      };
    }
    const sessionId = WATCH_PATH.exec(url)?.[1];
    if (sessionId === undefined) throw new WitnessError('KW_NOT_FOUND', 'there is no such page');
    return who => {
      requireRole(who, 'auditor');
      const cast = liveCast(sessionId);
      if (cast === undefined) {
        throw new WitnessError('KW_CONFLICT', 'nothing of this session is being recorded now');
      }
      views.viewed(who.subject, { how: 'live', sessionId });
      return viewer => spectators.add(cast, viewer);
    };
  }

  #bound(socket: Duplex, { caller, over }: Visitor): void {
    this.#sockets.add(socket);
    const cut = (): void => {
      socket.destroy();
    };
    const timer = caller === undefined ? undefined : setTimeout(cut, MAX_VISIT_MS).unref();
    over?.addEventListener('abort', cut);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      clearTimeout(timer);
      over?.removeEventListener('abort', cut);
    });
  }
}
