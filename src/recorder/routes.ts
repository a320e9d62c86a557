import type { Readable } from 'node:stream';
import type { RecorderContext } from './context.ts';
import { receiveEvent } from './receive-event.ts';
import { storageErrorOf } from './storage.ts';

/** A request other than an upload, the same over HTTP/1.1 and HTTP/2. */
export interface PlainRequest {
  readonly version: 'http1' | 'http2';
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly body: Readable;
}

export interface PlainReply {
  readonly status: number;
  readonly type: string;
  readonly allow?: string;
  readonly body: Buffer | { readonly bytes: number; readonly body: Readable };
}

interface Route {
  readonly path: RegExp;
  /** The route exists for this version only; the other is told 404, by which clients know to fall back. */
  readonly version?: PlainRequest['version'];
  readonly methods: readonly string[];
  answer(request: PlainRequest, context: RecorderContext, id: string): Promise<PlainReply> | PlainReply;
}

const READ = ['GET', 'HEAD'];
const TEXT = 'text/plain; charset=utf-8';
const CAST = 'application/x-asciicast';
const DEFAULT_LISTED = 100;

/** The uploads themselves are here for their 404, 405 and HEAD; their POST goes elsewhere. */
const ROUTES: readonly Route[] = [
  {
    path: /^\/healthz$/,
    methods: READ,
    answer: () => ({ status: 200, type: TEXT, body: Buffer.from('ok') }),
  },
  { path: /^\/v2\/record$/, version: 'http2', methods: ['HEAD', 'POST'], answer: () => json(200, {}) },
  { path: /^\/record$/, version: 'http1', methods: ['POST'], answer: () => json(200, {}) },
  { path: /^\/v2\/event$/, methods: ['HEAD', 'POST'], answer: answerEvent },
  { path: /^\/api\/v1\/recordings$/, methods: READ, answer: answerList },
  { path: /^\/api\/v1\/recordings\/([^/]+)$/, methods: READ, answer: answerManifest },
  { path: /^\/api\/v1\/recordings\/([^/]+)\/cast$/, methods: READ, answer: answerCast },
];

export function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? '';
}

/** Never rejects: storage trouble is a 500. */
export async function answerPlain(request: PlainRequest, context: RecorderContext): Promise<PlainReply> {
  const path = pathOf(request.target);
  for (const route of ROUTES) {
    const match = route.path.exec(path);
    if (match === null) continue;
    if (route.version !== undefined && route.version !== request.version) break;
    if (!route.methods.includes(request.method)) {
      return { ...problem(405, 'this method is not served here'), allow: route.methods.join(', ') };
    }
    try {
      return await route.answer(request, context, match[1] ?? '');
    } catch (error) {
      context.log.error({ err: error, path }, 'a request could not be answered');
      return problem(
        storageErrorOf(error).kind === 'full' ? 507 : 500,
        'the recorder cannot use its storage',
      );
    }
  }
  return problem(404, 'not found');
}

export function problem(status: number, message: string): PlainReply {
  return json(status, { error: message });
}

function json(status: number, value: unknown): PlainReply {
  return { status, type: 'application/json', body: Buffer.from(`${JSON.stringify(value)}\n`) };
}

async function answerEvent(request: PlainRequest, context: RecorderContext): Promise<PlainReply> {
  if (request.method === 'HEAD') return json(200, {});
  if (context.isStopping()) return problem(503, 'the recorder is stopping');
  const event = await receiveEvent(request.body, context.limits);
  if (event.kind === 'refused') return problem(event.status, event.message);
  await context.storage.appendEvent(event.line);
  return json(200, {});
}

async function answerList(request: PlainRequest, context: RecorderContext): Promise<PlainReply> {
  const asked = new URLSearchParams(request.target.slice(pathOf(request.target).length)).get('limit');
  if (asked !== null && !/^[1-9]\d{0,8}$/.test(asked)) return problem(400, 'limit is not a positive number');
  const limit = Math.min(asked === null ? DEFAULT_LISTED : Number(asked), context.limits.maxListed);
  return json(200, await context.storage.list(limit));
}

async function answerManifest(
  _request: PlainRequest,
  context: RecorderContext,
  id: string,
): Promise<PlainReply> {
  const manifest = await context.storage.get(id);
  return manifest === undefined ? problem(404, 'no such recording') : json(200, manifest);
}

async function answerCast(request: PlainRequest, context: RecorderContext, id: string): Promise<PlainReply> {
  // Without a manifest the cast is still being filed.
  const known = (await context.storage.get(id)) !== undefined;
  const cast = known ? await context.storage.openCast(id) : undefined;
  if (cast === undefined) return problem(404, 'no such recording');
  if (request.method === 'HEAD') cast.body.destroy();
  return { status: 200, type: CAST, body: cast };
}
