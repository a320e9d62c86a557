import type { IncomingMessage } from 'node:http';
import type { UpstreamMode } from '../policy/impersonate.ts';
import { causeOf } from './failure.ts';
import { requestUpstream, withOwnHeaders } from './request.ts';
import type { Upstream } from './target.ts';

/**
 * Asks for `/version`, which every authenticated client may read. Resolves when upstream takes us; rejects with one
 * line for the operator, so it does name the address.
 */
export function probeUpstream(upstream: Upstream, options: { readonly timeoutMs: number }): Promise<void> {
  const where = `the API server at ${upstream.hostHeader}`;
  return new Promise((resolve, reject) => {
    const request = requestUpstream(upstream, {
      method: 'GET',
      path: `${upstream.pathPrefix}/version`,
      headers: withOwnHeaders(upstream, ['Accept', 'application/json']),
    });
    const done = (problem?: string, cause?: unknown): void => {
      clearTimeout(timer);
      request.destroy();
      if (problem === undefined) resolve();
      else reject(new Error(problem, { cause }));
    };
    const timer = setTimeout(
      () => done(`${where} did not answer within ${options.timeoutMs} ms`),
      options.timeoutMs,
    );
    request.on('error', error => done(`${where} cannot be used: ${causeOf(error).words}`, error));
    request.on('close', () => done(`${where} closed the connection without an answer`));
    request.on('response', (response: IncomingMessage) =>
      done(problemOf(where, response.statusCode ?? 0, upstream.mode)),
    );
    request.end();
  });
}

/** 403: it knows us and forbids this one path, so it does answer us. Without a credential 401 is an answer too. */
function problemOf(where: string, status: number, mode: UpstreamMode): string | undefined {
  if ((status >= 200 && status < 300) || status === 403) return undefined;
  if (status === 401 && mode === 'noauth') return undefined;
  if (status === 401) return `${where} does not accept our credential (401)`;
  return `${where} answered ${status} to GET /version`;
}
