import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../errors.ts';
import type { RecordingsReader } from '../live/recordings-reader.ts';
import type { Logger } from '../log.ts';
import { answerJson, SECURITY_HEADERS } from './answer.ts';

export const MAX_LISTED = 500;
/** A recording's id is a name, never a path. */
export const RECORDING_PATH = /^\/api\/v1\/recordings\/([A-Za-z0-9][A-Za-z0-9._-]{0,199})\/cast$/;

/** Lists and streams recordings; a reader that fails is a 502, said in the log. */
export class RecordingsRoutes {
  readonly #reader: RecordingsReader;
  readonly #log: Logger;

  constructor(reader: RecordingsReader, log: Logger) {
    this.#reader = reader;
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

  async cast(id: string, head: boolean, response: ServerResponse): Promise<void> {
    try {
      const cast = await this.#reader.open(id);
      if (cast === undefined) {
        answerJson(response, 404, { error: 'no such recording' });
        return;
      }
      response.writeHead(200, {
        ...SECURITY_HEADERS,
        'content-type': 'application/x-asciicast',
        'content-length': cast.bytes,
        'content-disposition': `attachment; filename="${id}.cast"`,
        'cache-control': 'no-store',
      });
      if (head) {
        cast.body.destroy();
        response.end();
      } else {
        await pipeline(cast.body, response);
      }
    } catch (error) {
      this.#fail(response, error);
    }
  }

  #fail(response: ServerResponse, error: unknown): void {
    this.#log.warn({ error: messageOf(error) }, 'recordings could not be read');
    if (response.headersSent) response.destroy();
    else answerJson(response, 502, { error: 'the recordings could not be read' });
  }
}
