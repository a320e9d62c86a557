import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { messageOf, WitnessError } from '../errors.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import type { Logger } from '../log.ts';
import { headOf } from '../recorder/byte-range.ts';
import { parseRecordingQuery } from '../recorder/recording-query.ts';
import type { Visitor } from './access.ts';
import { answerError, answerJson, SECURITY_HEADERS } from './answer.ts';
import type { ViewAudit } from './view-audit.ts';

export const MAX_LISTED = 500;
/** A recording's id is a name, never a path. */
export const RECORDING_PATH = /^\/api\/v1\/recordings\/([A-Za-z0-9][A-Za-z0-9._-]{0,199})$/;
export const CAST_PATH = /^\/api\/v1\/recordings\/([A-Za-z0-9][A-Za-z0-9._-]{0,199})\/cast$/;

/** The same recording as a page of its own. */
export const EXPORT_PATH = /^\/api\/v1\/recordings\/([A-Za-z0-9][A-Za-z0-9._-]{0,199})\/page$/;

export interface CastRequest {
  readonly id: string;
  readonly visitor: Visitor;
  /** Headers only. */
  readonly head: boolean;
  /** For the page's player, which says so. */
  readonly play: boolean;
  /** The Range header. */
  readonly range: string | undefined;
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
    try {
      const query = parseRecordingQuery(params, MAX_LISTED);
      if (typeof query === 'string') throw new WitnessError('KW_BAD_REQUEST', query);
      answerJson(response, 200, await this.#reader.search(query));
    } catch (error) {
      this.#fail(response, error);
    }
  }

  async one(id: string, response: ServerResponse): Promise<void> {
    try {
      const found = await this.#reader.get(id);
      if (found === undefined) throw new WitnessError('KW_NOT_FOUND', 'there is no such recording');
      answerJson(response, 200, found);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  async cast({ id, visitor, head, play, range }: CastRequest, response: ServerResponse): Promise<void> {
    try {
      const cast = await this.#reader.open(id, range);
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
      const { status, length, headers } = headOf(cast.part, cast.bytes);
      response.writeHead(status, {
        ...SECURITY_HEADERS,
        'content-type': 'application/x-asciicast',
        'content-length': length,
        ...headers,
        'content-disposition': `attachment; filename="${id}.cast"`,
        'cache-control': 'no-store',
      });
      if (head) response.end();
      else await pipeline(cast.body, response);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  /** To be kept, not to be shown under this origin. */
  async page({ id, visitor }: Pick<CastRequest, 'id' | 'visitor'>, response: ServerResponse): Promise<void> {
    try {
      const page = await this.#reader.page(id);
      if (page === undefined) {
        throw new WitnessError('KW_NOT_FOUND', 'there is no such recording, or it is too large for a page');
      }
      const { html, sessionId } = page;
      this.#views.viewed(visitor.subject, {
        how: 'download',
        recording: { id },
        ...(sessionId === undefined ? {} : { sessionId }),
      });
      response.writeHead(200, {
        ...SECURITY_HEADERS,
        'content-type': 'text/html; charset=utf-8',
        'content-length': Buffer.byteLength(html),
        'content-disposition': `attachment; filename="${id}.html"`,
        'cache-control': 'no-store',
      });
      response.end(html);
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
