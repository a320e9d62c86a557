import type { Readable } from 'node:stream';
import type { AccessRefusal, AccessRight } from './access.ts';
import { headOf } from './byte-range.ts';
import type { RecorderContext } from './context.ts';
import { parseEventQuery } from './event-search.ts';
import { receiveEvent } from './receive-event.ts';
import { parseRecordingQuery } from './recording-query.ts';
import { storageErrorOf } from './storage.ts';

/** A request other than an upload, the same over HTTP/1.1 and HTTP/2. */
export interface PlainRequest {
  readonly version: 'http1' | 'http2';
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly body: Readable;
  /** The Range header. */
  readonly range: string | undefined;
  /** Undefined: the sender has the right. */
  readonly refusal: (right: AccessRight) => AccessRefusal | undefined;
}

export interface PlainReply {
  readonly status: number;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Buffer | { readonly bytes: number; readonly body: Readable };
}

interface Route {
  readonly path: RegExp;
  /** The route exists for this version only; the other is told 404, by which clients know to fall back. */
  readonly version?: PlainRequest['version'];
  readonly methods: readonly string[];
  readonly right?: AccessRight;
  answer(request: PlainRequest, context: RecorderContext, id: string): Promise<PlainReply> | PlainReply;
}

export const CHALLENGE = { 'www-authenticate': 'Bearer' } as const;
const READ = ['GET', 'HEAD'];
const TEXT = 'text/plain; charset=utf-8';
const CAST = 'application/x-asciicast';

/** The uploads themselves are here for their 404, 405 and HEAD; their POST goes elsewhere. */
const ROUTES: readonly Route[] = [
  {
    path: /^\/healthz$/,
    methods: READ,
    answer: () => ({ status: 200, type: TEXT, body: Buffer.from('ok') }),
  },
  {
    path: /^\/v2\/record$/,
    version: 'http2',
    methods: ['HEAD', 'POST'],
    right: 'upload',
    answer: answerProbe,
  },
  { path: /^\/record$/, version: 'http1', methods: ['POST'], right: 'upload', answer: () => json(200, {}) },
  { path: /^\/v2\/event$/, methods: ['HEAD', 'POST'], right: 'upload', answer: answerEvent },
  { path: /^\/api\/v1\/events$/, methods: READ, right: 'read', answer: answerEvents },
  { path: /^\/api\/v1\/recordings$/, methods: READ, right: 'read', answer: answerList },
  { path: /^\/api\/v1\/recordings\/([^/]+)$/, methods: READ, right: 'read', answer: answerManifest },
  { path: /^\/api\/v1\/recordings\/([^/]+)\/cast$/, methods: READ, right: 'read', answer: answerCast },
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
      return {
        ...problem(405, 'this method is not served here'),
        headers: { allow: route.methods.join(', ') },
      };
    }
    const refusal = route.right === undefined ? undefined : request.refusal(route.right);
    if (refusal !== undefined) return refused(refusal);
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

/** RFC 9110 section 11.6.1 wants the challenge. */
function refused({ status, message }: AccessRefusal): PlainReply {
  return { ...problem(status, message), ...(status === 401 && { headers: CHALLENGE }) };
}

function json(status: number, value: unknown): PlainReply {
  return { status, type: 'application/json', body: Buffer.from(`${JSON.stringify(value)}\n`) };
}

/**
 * Says already here that there is no room: Tailscale's client, once it has sent its POST, waits for ever on any answer
 * but 200, whereas after this it goes on to the next recorder.
 */
async function answerProbe(_request: PlainRequest, context: RecorderContext): Promise<PlainReply> {
  if (context.isStopping()) return problem(503, 'the recorder is stopping');
  return context.uploads.isFull ? problem(503, 'the recorder has too many uploads') : json(200, {});
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
  const params = paramsOf(request);
  const query = parseRecordingQuery(params, context.limits.maxListed);
  if (typeof query === 'string') return problem(400, query);
  const { manifests, next } = await context.storage.search(query);
  return withNext(json(200, manifests), request, params, next);
}

/** The documents as they were sent: parsed and written anew, a large user id would come out rounded. */
async function answerEvents(request: PlainRequest, context: RecorderContext): Promise<PlainReply> {
  const params = paramsOf(request);
  const query = parseEventQuery(params, context.limits.maxListed);
  if (typeof query === 'string') return problem(400, query);
  const { events, next } = await context.storage.searchEvents(query);
  const body = Buffer.from(`[${events.join(',\n')}]\n`);
  return withNext({ status: 200, type: 'application/json', body }, request, params, next?.toString());
}

function paramsOf({ target }: PlainRequest): URLSearchParams {
  return new URLSearchParams(target.slice(pathOf(target).length));
}

/** RFC 8288: where the next page is. */
function withNext(
  reply: PlainReply,
  { target }: PlainRequest,
  params: URLSearchParams,
  before: string | undefined,
): PlainReply {
  if (before === undefined) return reply;
  params.set('before', before);
  return { ...reply, headers: { link: `<${pathOf(target)}?${params}>; rel="next"` } };
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
  const cast = known ? await context.storage.openCast(id, request.range) : undefined;
  if (cast === undefined) return problem(404, 'no such recording');
  if (request.method === 'HEAD') cast.body.destroy();
  const { status, length, headers } = headOf(cast.part, cast.bytes);
  return { status, type: CAST, headers, body: { bytes: length, body: cast.body } };
}
