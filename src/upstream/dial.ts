import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { upstreamFailure } from './failure.ts';
import { linesOfCaller, requestUpstream } from './request.ts';
import type { Upstream } from './target.ts';

export interface UpgradeRequest {
  readonly method: string;
  /** With the query, without the upstream's prefix. Goes out unchanged. */
  readonly path: string;
  /** Complete but for `Host`, `Authorization` and framing, which are set here. */
  readonly headers: RawHeaders;
  /** Gives the attempt up, or the answer that is still being read. An upgraded socket is the caller's. */
  readonly signal: AbortSignal;
  /** From now until the answer's headers. */
  readonly timeoutMs: number;
}

export type UpgradeAnswer =
  | {
      readonly kind: 'upgraded';
      /** Has an error listener that does nothing; its 'close' tells of its end. Not flowing yet. */
      readonly socket: Duplex;
      /** What came in one piece with the 101: the first bytes of the new protocol. */
      readonly head: Buffer;
      readonly rawHeaders: RawHeaders;
    }
  | {
      readonly kind: 'answered';
      /** Unread. Destroying it ends the connection, as does its end: a refused upgrade joins nothing. */
      readonly response: IncomingMessage;
    };

/**
 * Asks upstream for an upgrade, on a connection that serves nothing else (CVE-2018-1002105: a socket that stays open
 * after a refusal carries our credential). Redirects are answers like any other (CVE-2020-8559).
 *
 * @throws WitnessError KW_UPSTREAM_UNREACHABLE, KW_UPSTREAM_PROTOCOL or KW_UPSTREAM_TIMEOUT
 */
export function dialUpgrade(upstream: Upstream, dial: UpgradeRequest): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    const { signal } = dial;
    if (signal.aborted) {
      reject(givenUp(signal));
      return;
    }
    const request = send(upstream, dial);
    const fail = (error: unknown): void => {
      settle();
      signal.removeEventListener('abort', onAbort);
      request.destroy();
      reject(upstreamFailure(error));
    };
    const onAbort = (): void => fail(givenUp(signal));
    const onLate = (): void =>
      fail(
        new WitnessError(
          'KW_UPSTREAM_TIMEOUT',
          `the API server did not answer the upgrade within ${dial.timeoutMs} ms`,
        ),
      );
    const onUpgrade = (response: IncomingMessage, socket: Duplex, head: Buffer): void => {
      settle();
      signal.removeEventListener('abort', onAbort);
      resolve({ kind: 'upgraded', socket, head, rawHeaders: response.rawHeaders });
    };
    const onResponse = (response: IncomingMessage): void => {
      // Node takes a 101 without `Connection: upgrade` for an answer.
      if (response.statusCode === 101) {
        fail(protocolFault('its 101 does not say what it switches to'));
        return;
      }
      settle();
      const { socket } = response;
      // Cut short, it ends with 'close', and `complete` says so; whoever reads it sees that.
      response.on('error', onSettledError);
      response.once('close', () => {
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
      });
      resolve({ kind: 'answered', response });
    };
    const onClose = (): void => fail(protocolFault('it ended the connection without an answer'));
    const timer = setTimeout(onLate, dial.timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      request.off('upgrade', onUpgrade);
      request.off('response', onResponse);
      request.off('close', onClose);
      // A late error of a settled request has nobody to go to, and must not end the process.
      request.off('error', fail);
      request.on('error', onSettledError);
    };
    signal.addEventListener('abort', onAbort);
    request.on('error', fail);
    request.on('upgrade', onUpgrade);
    request.on('response', onResponse);
    request.on('close', onClose);
    request.end();
  });
}

function send(upstream: Upstream, { method, path, headers }: UpgradeRequest): ClientRequest {
  const lines = linesOfCaller(upstream, headers);
  // Without a length Node would announce a chunked body here.
  if (method !== 'GET') lines.push('Content-Length', '0');
  const request = requestUpstream(upstream, {
    method,
    path: `${upstream.pathPrefix}${path}`,
    headers: lines,
  });
  request.once('socket', socket => {
    socket.on('error', onSettledError);
    socket.setKeepAlive(true, 30_000);
  });
  return request;
}

/**
 * An emitter without an error listener ends the process with its next error, and Node takes its own listener off an
 * upgraded socket. 'close' follows every error, and is what owners listen to.
 */
function onSettledError(): void {}

function protocolFault(words: string): WitnessError {
  return new WitnessError('KW_UPSTREAM_PROTOCOL', `the API server's answer cannot be used: ${words}`);
}

function givenUp(signal: AbortSignal): WitnessError {
  return new WitnessError(
    'KW_UPSTREAM_UNREACHABLE',
    'the request was given up before the API server answered',
    {
      cause: signal.reason,
    },
  );
}
