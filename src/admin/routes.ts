import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SinkHealth } from '../audit/health.ts';
import type { AuditSink } from '../audit/record.ts';
import type { Readiness } from '../checks/readiness.ts';
import { WitnessError } from '../errors.ts';
import type { Asset } from '../live/assets.ts';
import type { SessionSource } from '../live/feed.ts';
import type { Logger } from '../log.ts';
import type { Visitor } from './access.ts';
import { requireRole } from './access.ts';
import { answerError, answerJson, answerText } from './answer.ts';
import { answerAsset } from './answer-asset.ts';
import { refuseForeignPage } from './foreign-page.ts';
import { answerLivez, answerReadyz } from './probes.ts';
import { readJson } from './read-json.ts';
import type { RecordingsRoutes } from './recordings-routes.ts';
import { RECORDING_PATH } from './recordings-routes.ts';
import { refusalOf } from './refusal.ts';
import type { Route } from './route.ts';
import type { SignInRoutes } from './sign-in-routes.ts';
import type { StoppableSessions } from './stop-session.ts';
import { stopSession } from './stop-session.ts';

/** What the admin port needs of the registry. */
export interface AdminSessions extends SessionSource, StoppableSessions {
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
  readonly signIn: SignInRoutes;
  readonly audit: AuditSink;
  readonly log: Logger;
  readonly visitor: (request: IncomingMessage) => Promise<Visitor>;
  /** Throws KW_MISDIRECTED. */
  readonly checkHost: (request: IncomingMessage, part: 'probe' | 'page') => void;
}

/** Everything that the admin port answers. */
export class AdminRoutes {
  readonly #options: AdminRoutesOptions;
  readonly #routes: readonly Route[];

  constructor(options: AdminRoutesOptions) {
    this.#options = options;
    const { recordings, process, signIn } = options;
    this.#routes = [
      ...sessionRoutes(options),
      ...signIn.table,
      ...(recordings === undefined ? [] : recordingRoutes(recordings)),
      ...probeRoutes(options.sessions, process),
      {
        // Without a built page, what there is instead.
        path: /^\/$/,
        method: 'GET',
        needs: 'anybody',
        run: ({ response }) =>
          answerJson(response, 200, {
            name: 'kubewitness',
            sessions: '/api/v1/sessions',
            probes: ['/livez', '/readyz'],
          }),
      },
    ];
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let who: Visitor | undefined;
    try {
      await this.#answer(request, response, async () => {
        who = await this.#options.visitor(request);
        return who;
      });
    } catch (thrown) {
      answerError(response, refusalOf(thrown, request, who, this.#options));
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    findVisitor: () => Promise<Visitor>,
  ): Promise<void> {
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const { assets, checkHost } = this.#options;
    checkHost(request, PROBES.has(path) ? 'probe' : 'page');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const asset = assets.get(path);
    if (asset !== undefined && method === 'GET') {
      answerAsset(request, response, asset);
      return;
    }
    const route = this.#routes.find(candidate => candidate.path.test(path));
    if (route === undefined) throw new WitnessError('KW_NOT_FOUND', 'there is no such page');
    if (route.method !== method) {
      const allow = route.method === 'GET' ? 'GET, HEAD' : 'POST';
      answerError(response, new WitnessError('KW_NOT_ALLOWED', `this takes ${allow} only`), { allow });
      return;
    }
    if (!PROBES.has(path)) refuseForeignPage(request, method !== 'GET');
    const id = route.path.exec(path)?.[1] ?? '';
    const params = new URLSearchParams(query);
    const visitor = PROBES.has(path) ? NOBODY : await findVisitor();
    if (route.needs !== 'anybody') requireRole(visitor, route.needs);
    await route.run({ request, response, id, params, visitor });
  }
}

/** They name nobody, and whoever probes has no identity: the listener's address is their only rule. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);
const NOBODY: Visitor = { roles: new Set(), subject: { user: 'unknown', groups: [], source: 'none' } };

function sessionRoutes({ sessions, audit }: AdminRoutesOptions): Route[] {
  return [
    {
      path: /^\/api\/v1\/sessions$/,
      method: 'GET',
      needs: 'viewer',
      run: ({ response }) => answerJson(response, 200, { items: sessions.list() }),
    },
    {
      path: /^\/api\/v1\/sessions\/([0-9a-f-]{36})$/,
      method: 'GET',
      needs: 'viewer',
      run: ({ id, response }) => {
        const view = sessions.get(id);
        if (view === undefined) throw new WitnessError('KW_NOT_FOUND', 'there is no such session');
        answerJson(response, 200, view);
      },
    },
    {
      path: /^\/api\/v1\/sessions\/([0-9a-f-]{36})\/stop$/,
      method: 'POST',
      needs: 'operator',
      run: async ({ id, request, response, visitor }) =>
        answerJson(
          response,
          202,
          stopSession(sessions, audit, { id, body: await readJson(request), visitor }),
        ),
    },
  ];
}

function recordingRoutes(recordings: RecordingsRoutes): Route[] {
  return [
    {
      path: /^\/api\/v1\/recordings$/,
      method: 'GET',
      needs: 'auditor',
      run: ({ params, response }) => recordings.list(params, response),
    },
    {
      path: RECORDING_PATH,
      method: 'GET',
      needs: 'auditor',
      run: ({ id, request, response, params, visitor }) =>
        recordings.cast({ id, visitor, head: request.method === 'HEAD', play: params.has('play') }, response),
    },
  ];
}

function probeRoutes(sessions: AdminSessions, process: ProcessState | undefined): Route[] {
  const probes: Route[] = [
    {
      path: /^\/livez$/,
      method: 'GET',
      needs: 'anybody',
      run: ({ params, response }) => answerLivez(params, response),
    },
    {
      path: /^\/readyz$/,
      method: 'GET',
      needs: 'anybody',
      run: async ({ params, response }) => {
        const { draining } = sessions;
        if (process === undefined) answerJson(response, draining ? 503 : 200, { ok: !draining, draining });
        else await answerReadyz({ ...process, draining }, params, response);
      },
    },
  ];
  if (process === undefined) return probes;
  const { metrics } = process;
  return [
    ...probes,
    {
      path: /^\/metrics$/,
      method: 'GET',
      needs: 'anybody',
      run: async ({ response }) => answerText(response, metrics.contentType, await metrics.text()),
    },
  ];
}
