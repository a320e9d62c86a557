import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { listen } from '../listen.ts';
import type { SessionRegistry } from '../session/registry.ts';

export interface AdminOptions {
  readonly address: string;
  readonly port: number;
  readonly sessions: SessionRegistry;
}

export interface AdminServer {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

type Route = (match: RegExpExecArray, response: ServerResponse) => void;

/** The operator's side door: what runs, and whether it is well. By default it listens on loopback only. */
export async function startAdminServer({ address, port, sessions }: AdminOptions): Promise<AdminServer> {
  const routes: readonly (readonly [RegExp, Route])[] = [
    [
      /^\/$/,
      (_match, response) =>
        answer(response, 200, {
          name: 'kubewitness',
          sessions: '/api/v1/sessions',
          probes: ['/livez', '/readyz'],
        }),
    ],
    [/^\/api\/v1\/sessions$/, (_match, response) => answer(response, 200, { items: sessions.list() })],
    [
      /^\/api\/v1\/sessions\/([0-9a-f-]{36})$/,
      (match, response) => {
        const view = sessions.get(match[1] ?? '');
        if (view === undefined) answer(response, 404, { error: 'no such session' });
        else answer(response, 200, view);
      },
    ],
    [/^\/livez$/, (_match, response) => answer(response, 200, { ok: true })],
    [
      /^\/readyz$/,
      (_match, response) =>
        answer(response, sessions.draining ? 503 : 200, {
          ok: !sessions.draining,
          draining: sessions.draining,
        }),
    ],
  ];
  const server = createServer((request, response) => route(request, response, routes));
  const bound = await listen(server, address, port);
  return {
    address: bound.address,
    port: bound.port,
    close: () =>
      new Promise<void>(done => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function route(
  request: IncomingMessage,
  response: ServerResponse,
  routes: readonly (readonly [RegExp, Route])[],
): void {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  for (const [pattern, run] of routes) {
    const match = pattern.exec(path);
    if (match === null) continue;
    if (request.method === 'GET' || request.method === 'HEAD') run(match, response);
    else answer(response, 405, { error: 'only GET' }, { allow: 'GET, HEAD' });
    return;
  }
  answer(response, 404, { error: 'no such page' });
}

function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  const text = `${JSON.stringify(body, null, 2)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(text);
}
