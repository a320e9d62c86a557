import type { ClientRequest, RequestOptions } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { pairsOf } from '../headers.ts';
import { secureContextOf, UpstreamAgent } from './agent.ts';
import type { Upstream } from './target.ts';

/** All header lines of one answer. API servers stay far below; Node's own 16 KiB is too little for some. */
export const MAX_ANSWER_HEADER_BYTES = 128 * 1024;

/** Upgrades work on HTTP/1.1 only, and one protocol is one parser: said in the handshake (RFC 7301). */
export const ALPN_PROTOCOLS = ['http/1.1'];

/** Keeps no connection, so that each serves one request; what it keeps is TLS sessions, which make the next handshake short. */
const ONCE = new UpstreamAgent({ keepAlive: false, ALPNProtocols: ALPN_PROTOCOLS });

/** Who we are and whom we speak to is said by us alone; framing is added by whoever knows the body. */
const OURS: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'proxy-authorization',
  'content-length',
  'transfer-encoding',
]);

/**
 * The lines with our `Host` and credential in front, and without any others of those names or of framing. In `noauth`
 * the credential among the lines is the caller's, and is kept.
 */
export function withOwnHeaders(upstream: Upstream, headers: RawHeaders): string[] {
  const authorization = upstream.authorization();
  const lines = ['Host', upstream.hostHeader];
  if (authorization !== undefined) lines.push('Authorization', authorization);
  for (const [name, value] of pairsOf(headers)) {
    const lower = name.toLowerCase();
    const isCallers = upstream.mode === 'noauth' && lower === 'authorization';
    if (isCallers || !OURS.has(lower)) lines.push(name, value);
  }
  return lines;
}

/**
 * The same for a request of a caller, which never goes out as the proxy itself. Throws KW_INTERNAL for lines that hold
 * our credential and impersonate nobody.
 */
export function linesOfCaller(upstream: Upstream, headers: RawHeaders): string[] {
  const acts = pairsOf(headers).some(
    ([name, value]) => name.toLowerCase() === 'impersonate-user' && value.trim() !== '',
  );
  if (upstream.mode === 'auth' && !acts) {
    throw new WitnessError('KW_INTERNAL', 'the request would have gone out as the proxy itself');
  }
  return withOwnHeaders(upstream, headers);
}

/**
 * A request on a connection of its own, not yet sent. `headers` is the complete flat list: Node writes such a list line
 * by line as it stands, and adds no `Host` to it. `path` goes out unchanged.
 */
export function requestUpstream(
  upstream: Upstream,
  options: { readonly method: string; readonly path: string; readonly headers: RawHeaders },
): ClientRequest {
  const { method, path, headers } = options;
  const common: RequestOptions = {
    host: upstream.host,
    port: upstream.port,
    method,
    path,
    headers,
    agent: false,
    maxHeaderSize: MAX_ANSWER_HEADER_BYTES,
  };
  if (!upstream.secure) return requestHttp(common);
  const tls = upstream.tlsOptions();
  const { servername, rejectUnauthorized } = tls;
  const secure = { servername, rejectUnauthorized, secureContext: secureContextOf(tls) };
  return requestHttps({ ...common, ...secure, agent: ONCE });
}
