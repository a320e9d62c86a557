import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SinkHealth } from '../audit/health.ts';
import type { Readiness } from '../checks/readiness.ts';
import type { Asset } from '../live/assets.ts';
import type { SessionSource } from '../live/feed.ts';
import { answerJson, answerText } from './answer.ts';
import { answerAsset } from './answer-asset.ts';
import { answerLivez, answerReadyz } from './probes.ts';
import type { RecordingsRoutes } from './recordings-routes.ts';
import { RECORDING_PATH } from './recordings-routes.ts';

/** What the admin port needs of the registry. */
export interface AdminSessions extends SessionSource {
  readonly draining: boolean;
}

/** What the admin port says of the process itself. */
export interface ProcessState {
  readonly auditHealth: () => SinkHealth;
  readonly readiness: Readiness;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

export interface AdminRoutesOptions {
  readonly process?: ProcessState;
  readonly sessions: AdminSessions;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly recordings?: RecordingsRoutes;
  /** Of the Host header; absent: any. */
  readonly mayAnswer?: (host: string | undefined) => boolean;
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly match: RegExpExecArray;
  readonly params: URLSearchParams;
}

/** Everything that the admin port answers, all of it by GET. */
export class AdminRoutes {
  readonly #options: AdminRoutesOptions;
  readonly #routes: readonly (readonly [RegExp, (call: Call) => void])[];

  constructor(options: AdminRoutesOptions) {
    this.#options = options;
    const { sessions, recordings } = options;
    this.#routes = [
      [/^\/api\/v1\/sessions$/, ({ response }) => answerJson(response, 200, { items: sessions.list() })],
      [
        /^\/api\/v1\/sessions\/([0-9a-f-]{36})$/,
        ({ match, response }) => {
          const view = sessions.get(match[1] ?? '');
          if (view === undefined) answerJson(response, 404, { error: 'no such session' });
          else answerJson(response, 200, view);
        },
      ],
      [/^\/livez$/, ({ params, response }) => answerLivez(params, response)],
      [
        /^\/readyz$/,
        ({ params, response }) => {
          const { draining } = sessions;
          if (options.process === undefined)
            answerJson(response, draining ? 503 : 200, { ok: !draining, draining });
          else void answerReadyz({ ...options.process, draining }, params, response);
        },
      ],
      ...(recordings === undefined ? [] : recordingsTable(recordings)),
      ...(options.process === undefined ? [] : [metricsRoute(options.process)]),
      [
        // Without a built page, what there is instead.
        /^\/$/,
        ({ response }) =>
          answerJson(response, 200, {
            name: 'kubewitness',
            sessions: '/api/v1/sessions',
            probes: ['/livez', '/readyz'],
          }),
      ],
    ];
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const { mayAnswer, assets } = this.#options;
    if (mayAnswer !== undefined && !mayAnswer(request.headers.host)) {
      answerJson(response, 421, { error: 'ask for this address by its number or as localhost' });
      return;
    }
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const reading = request.method === 'GET' || request.method === 'HEAD';
    const asset = assets.get(path);
    if (asset !== undefined && reading) {
      answerAsset(request, response, asset);
      return;
    }
    for (const [pattern, run] of this.#routes) {
      const match = pattern.exec(path);
      if (match === null) continue;
      if (reading) run({ request, response, match, params: new URLSearchParams(query) });
      else answerJson(response, 405, { error: 'only GET' }, { allow: 'GET, HEAD' });
      return;
    }
    answerJson(response, 404, { error: 'no such page' });
  }
}

function recordingsTable(recordings: RecordingsRoutes): (readonly [RegExp, (call: Call) => void])[] {
  return [
    [/^\/api\/v1\/recordings$/, ({ params, response }) => void recordings.list(params, response)],
    [
      RECORDING_PATH,
      ({ match, request, response }) =>
        void recordings.cast(match[1] ?? '', request.method === 'HEAD', response),
    ],
  ];
}

function metricsRoute({ metrics }: ProcessState): readonly [RegExp, (call: Call) => void] {
  return [
    /^\/metrics$/,
    ({ response }) => {
      metrics.text().then(
        text => answerText(response, metrics.contentType, text),
        () => answerJson(response, 500, { error: 'the metrics cannot be read' }),
      );
    },
  ];
}
