import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { messageOf } from '../errors.ts';
import { dial } from './dial.ts';
import type { RecorderAccess } from './recorder-access.ts';
import { authorizationOf } from './recorder-access.ts';
import { parseRecorderAddress } from './recorder-address.ts';
import { RecorderFailures } from './recorder-failure.ts';
import { systemTimers } from './timers.ts';
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
    return error instanceof RecorderError ? { kind: 'failed', error } : failed(recorder, messageOf(error));
  }
}

function failed(recorder: string, what: string): EventResult {
  const message = `recorder ${recorder}: ${what}`;
  return {
    kind: 'failed',
    error: new RecorderError({ kind: 'refused', phase: 'stream', recorder, message }),
  };
}

/** One request on a connection of its own; resolves with the status. `limitMs` is for all of it. */
async function ask(
  recorder: string,
  method: 'HEAD' | 'POST',
  body: Buffer | undefined,
  limitMs: number,
  access: RecorderAccess | undefined,
): Promise<number> {
  const address = parseRecorderAddress(recorder);
  const abort = new AbortController();
  const late = new Error(`no answer to ${method} /v2/event within ${limitMs} ms`);
  const timer = setTimeout(() => abort.abort(), limitMs);
  try {
    const socket = await dial(
      {
        failures: new RecorderFailures(recorder),
        timers: systemTimers,
        signal: abort.signal,
        ...(access === undefined ? {} : { access }),
      },
      address,
      limitMs,
      'http/1.1',
    );
    return await new Promise<number>((resolve, reject) => {
      const request = httpRequest({
        createConnection: () => socket,
        method,
        path: '/v2/event',
        headers: {
          host: address.authority,
          connection: 'close',
          ...authorizationOf(access),
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': body.length }),
        },
      });
      abort.signal.addEventListener('abort', () => request.destroy(late));
      request.on('response', (response: IncomingMessage) => {
        resolve(response.statusCode ?? 0);
        response.on('error', () => {});
        // The status is all that is asked for.
        request.destroy();
      });
      request.on('error', reject);
      request.on('close', () => reject(new Error(`closed the connection before its answer to ${method}`)));
      request.end(body);
    });
  } catch (error) {
    throw abort.signal.aborted ? late : error;
  } finally {
    clearTimeout(timer);
  }
}
