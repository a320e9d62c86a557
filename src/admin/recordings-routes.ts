import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { messageOf, WitnessError } from '../errors.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import type { Logger } from '../log.ts';
import type { Visitor } from './access.ts';
import { answerError, answerJson, SECURITY_HEADERS } from './answer.ts';
import type { ViewAudit } from './view-audit.ts';

export const MAX_LISTED = 500;
/** A recording's id is a name, never a path. */
export const RECORDING_PATH = /^\/api\/v1\/recordings\/([A-Za-z0-9][A-Za-z0-9._-]{0,199})\/cast$/;

export interface CastRequest {
  readonly id: string;
  readonly visitor: Visitor;
  /** Headers only. */
  readonly head: boolean;
  /** For the page's player, which says so. */
  readonly play: boolean;
}

/** Lists and streams recordings; a reader that fails is a 502, said in the log. */
export class RecordingsRoutes {
  readonly #reader: RecordingsReader;
  readonly #views: ViewAudit;
  readonly #log: Logger;

  constructor(reader: RecordingsReader, views: ViewAudit, log: Logger) {
    this.#reader = reader;
    this.#views = views;
    this.#log = log;
  }

  async list(params: URLSearchParams, response: ServerResponse): Promise<void> {
    const sessionId = params.get('session');
    try {
      const items = await this.#reader.list({
        limit: MAX_LISTED,
        ...(sessionId === null ? {} : { sessionId }),
      });
      answerJson(response, 200, { items });
    } catch (error) {
      this.#fail(response, error);
    }
  }

  async cast({ id, visitor, head, play }: CastRequest, response: ServerResponse): Promise<void> {
    try {
      const cast = await this.#reader.open(id);
      if (cast === undefined) throw new WitnessError('KW_NOT_FOUND', 'there is no such recording');
      if (head) {
        cast.body.destroy();
      } else {
        const { sessionId } = cast;
        this.#views.viewed(visitor.subject, {
          how: play ? 'play' : 'download',
          recording: { id },
          ...(sessionId === undefined ? {} : { sessionId }),
        });
      }
      response.writeHead(200, {
        ...SECURITY_HEADERS,
        'content-type': 'application/x-asciicast',
        'content-length': cast.bytes,
        'content-disposition': `attachment; filename="${id}.cast"`,
        'cache-control': 'no-store',
      });
      if (head) response.end();
      else await pipeline(cast.body, response);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (error instanceof WitnessError) {
      answerError(response, error);
      return;
    }
    this.#log.warn({ error: messageOf(error) }, 'recordings could not be read');
    answerError(response, new WitnessError('KW_RECORDINGS_UNREADABLE', 'the recordings could not be read'));
  }
}
