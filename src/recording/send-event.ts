import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { messageOf } from '../errors.ts';
import type { RecorderAccess } from './recorder-access.ts';
import { authorizationOf } from './recorder-access.ts';
import { parseRecorderAddress } from './recorder-address.ts';
import { RecorderError } from './upload.ts';

export interface EventLimits {
  /** The answer to HEAD /v2/event, connection included. Milliseconds. */
  readonly probeMs: number;
  /** The answer to POST /v2/event. Milliseconds. */
  readonly postMs: number;
}

export const DEFAULT_EVENT_LIMITS: EventLimits = { probeMs: 5_000, postMs: 10_000 };

/** What one recorder did with an event. */
export type EventResult =
  | { readonly kind: 'stored' }
  /** An older recorder: it knows nothing of events. */
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'failed'; readonly error: RecorderError };

/** Sends one event document to one recorder over HTTP/1.1. Every wait is bounded; never rejects. */
export async function sendEvent(
  recorder: string,
  document: Buffer,
  limits: EventLimits = DEFAULT_EVENT_LIMITS,
  access?: RecorderAccess,
): Promise<EventResult> {
  try {
    const probed = await ask(recorder, 'HEAD', undefined, limits.probeMs, access);
    if (probed === 404) return { kind: 'unsupported' };
    if (probed !== 200) return failed(recorder, `answered HEAD /v2/event with ${probed}`);
    const posted = await ask(recorder, 'POST', document, limits.postMs, access);
    return posted === 200 ? { kind: 'stored' } : failed(recorder, `answered POST /v2/event with ${posted}`);
  } catch (error) {
    return failed(recorder, messageOf(error));
  }
}

function failed(recorder: string, what: string): EventResult {
  const message = `recorder ${recorder}: ${what}`;
  return {
    kind: 'failed',
    error: new RecorderError({ kind: 'refused', phase: 'stream', recorder, message }),
  };
}

/** One request on a connection of its own; resolves with the status. */
function ask(
  recorder: string,
  method: 'HEAD' | 'POST',
  body: Buffer | undefined,
  limitMs: number,
  access: RecorderAccess | undefined,
): Promise<number> {
  const { host, port, authority } = parseRecorderAddress(recorder);
  const options: RequestOptions = {
    host,
    port,
    method,
    path: '/v2/event',
    agent: false,
    headers: {
      host: authority,
      connection: 'close',
      ...authorizationOf(access),
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
    },
  };
  return new Promise((resolve, reject) => {
    const request = access === undefined ? httpRequest(options) : httpsRequest({ ...options, ...access.tls });
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer to ${method} /v2/event within ${limitMs} ms`)),
      limitMs,
    );
    const onResponse = (response: IncomingMessage): void => {
      clearTimeout(timer);
      resolve(response.statusCode ?? 0);
      response.on('error', () => {});
      // The status is all that is asked for.
      request.destroy();
    };
    request.on('response', onResponse);
    request.on('error', error => {
      clearTimeout(timer);
      reject(error);
    });
    request.end(body);
  });
}
