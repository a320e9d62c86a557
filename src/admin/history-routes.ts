import type { ServerResponse } from 'node:http';
import { messageOf, WitnessError } from '../errors.ts';
import type { SessionHistory } from '../live/audit-trail.ts';
import { HISTORY_MS } from '../live/audit-trail.ts';
import type { Unrecorded } from '../live/unrecorded.ts';
import type { Logger } from '../log.ts';
import { answerJson } from './answer.ts';
import type { Route } from './route.ts';

/** What the audit still knows once a session is no longer listed. */
export interface History {
  /** Newest first. */
  unrecorded(): Promise<readonly Unrecorded[]>;
  history(sessionId: string): Promise<SessionHistory | undefined>;
}

/** Answers from the audit; one that cannot be read is a 502, said in the log. */
export class HistoryRoutes {
  readonly #history: History;
  readonly #log: Logger;
  readonly table: readonly Route[] = [
    {
      path: /^\/api\/v1\/failures$/,
      method: 'GET',
      needs: 'viewer',
      run: ({ params, response }) => this.#failures(params, response),
    },
    {
      path: /^\/api\/v1\/sessions\/([\w-]{1,64})\/audit$/,
      method: 'GET',
      needs: 'viewer',
      run: ({ id, response }) => this.#session(id, response),
    },
  ];

  constructor(history: History, log: Logger) {
    this.#history = history;
    this.#log = log;
  }

  async #failures(params: URLSearchParams, response: ServerResponse): Promise<void> {
    const from = Date.parse(params.get('since') ?? '1970-01-01T00:00:00Z');
    if (Number.isNaN(from)) {
      throw new WitnessError('KW_BAD_REQUEST', 'since: no time; write 2026-01-31T12:00:00Z');
    }
    const all = await this.#read(this.#history.unrecorded());
    const items = all.filter(({ at }) => Date.parse(at) >= from);
    answerJson(response, 200, { coversMs: HISTORY_MS, items });
  }

  async #session(id: string, response: ServerResponse): Promise<void> {
    const found = await this.#read(this.#history.history(id));
    // Not a 404: that a session has not come to the audit yet is no fault of who asks.
    answerJson(response, 200, { session: found?.view, records: found?.records ?? [] });
  }

  async #read<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, 'the audit could not be read');
      throw new WitnessError('KW_AUDIT_UNREADABLE', 'the audit could not be read');
    }
  }
}
