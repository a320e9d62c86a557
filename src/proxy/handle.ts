import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AuditSink } from '../audit/record.ts';
import { messageOf, WitnessError } from '../errors.ts';
import { actingAs, readAskedImpersonation } from '../identity/asked-impersonation.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Grant } from '../identity/grants.ts';
import { identityRequestOf } from '../identity/identity-request.ts';
import type { Place } from '../kube/place.ts';
import { placeOf } from '../kube/place.ts';
import type { RequestClass } from '../kube/request-info.ts';
import { classify, isLongRunning, isWatch } from '../kube/request-info.ts';
import type { KubeTarget } from '../kube/target.ts';
import { readTarget } from '../kube/target.ts';
import type { Logger } from '../log.ts';
import type { Caller } from '../policy/caller.ts';
import { decideRequest } from '../policy/decide.ts';
import { checkHeaders, upstreamHeaders } from '../policy/impersonate.ts';
import { auditSubject } from '../session/audit.ts';
import type { RemoteEnd } from '../tailscale/address.ts';
import type { Upstream } from '../upstream/target.ts';
import { answerError } from './answer.ts';
import type { Forwarder } from './forward.ts';
import { framingOf } from './forward-framing.ts';
import type { Limits } from './limits.ts';
import type { EventDependencies } from './record-request.ts';
import { recordRequest } from './record-request.ts';

/** Who is known, and what holds for whom: what a reload of the configuration replaces. */
export interface RequestPolicy {
  readonly authenticate: Authenticator;
  /** For those who act as others: what holds for the others too. */
  readonly grants: readonly Grant[];
}

export interface ProxyDependencies extends EventDependencies {
  /** As it is now. Each request asks once, so that it is judged by one configuration to its end. */
  readonly policy: () => RequestPolicy;
  /** Whom a relayed connection comes from; undefined for any other socket. */
  readonly remoteEndOf?: (socket: Socket) => RemoteEnd | undefined;
  readonly forwarder: Forwarder;
  readonly upstream: Upstream;
  readonly audit: AuditSink;
  /** Whether the audit's policy lets a session begin now. */
  readonly mayStartSession: () => boolean;
  readonly limits: Limits;
}

/** A request that was read, and whose caller is known. */
export interface Admitted {
  readonly target: KubeTarget;
  readonly class: RequestClass;
  /** What rules for recording are chosen by. */
  readonly place: Place;
  readonly caller: Caller;
  /** Where the client is: what the relay in front said, or the other end of the connection. */
  readonly address: string | undefined;
}

/** Reads a request and finds who calls. Throws a WitnessError; nothing has been sent upstream then. */
export async function admit(request: IncomingMessage, deps: ProxyDependencies): Promise<Admitted> {
  const { method = '', url = '', rawHeaders } = request;
  checkHeaders(rawHeaders);
  const target = readTarget(method, url);
  const seen = identityRequestOf(request, deps.remoteEndOf?.(request.socket));
  const { authenticate, grants } = deps.policy();
  const known = await authenticate(seen);
  const asked = readAskedImpersonation(rawHeaders);
  const caller = asked === undefined ? known : actingAs(known, asked, grants, deps.upstream.mode);
  const requestClass = classify(target.info, method);
  const place = placeOf(target.info, requestClass);
  return { target, class: requestClass, place, caller, address: seen.remoteAddress };
}

/**
 * An ordinary request: identity, decision, impersonation, and only then upstream. `proceed` is called once the body may
 * be sent (`Expect: 100-continue` is answered no sooner).
 */
export async function handleRequest(
  request: IncomingMessage,
  response: ServerResponse,
  deps: ProxyDependencies,
  proceed: () => void = () => {},
): Promise<void> {
  let caller: Caller | undefined;
  try {
    // Before anything that costs: an overload is not to become one of the sources of identity.
    const release = deps.limits.requests.take();
    response.once('close', release);
    const admitted = await admit(request, deps);
    caller = admitted.caller;
    const { target } = admitted;
    if (admitted.class === 'session') {
      throw new WitnessError(
        'KW_UPGRADE_REQUIRED',
        'exec and attach need a clean upgrade to WebSocket or SPDY/3.1, one Upgrade header of one value',
      );
    }
    const decision = decideRequest(caller.rules, admitted.class, admitted.place);
    if (decision.kind === 'refuse') throw new WitnessError(decision.code, decision.message);
    if (admitted.class === 'tunnel') {
      throw new WitnessError(
        'KW_UPGRADE_REQUIRED',
        'port-forward needs a clean upgrade to WebSocket or SPDY/3.1, one Upgrade header of one value',
      );
    }
    const auditId = randomUUID();
    const headers = upstreamHeaders(request.rawHeaders, caller, {
      mode: deps.upstream.mode,
      auditId,
      ...clientAddressOf(admitted),
      ...(deps.upstream.marksRequests ? { marker: auditId } : {}),
    });
    if (decision.kind === 'audit') {
      deps.audit.write({
        type: 'request.unrecordable',
        subject: auditSubject(caller, admitted.address, request.headers['user-agent']),
        method: request.method ?? '',
        path: target.path,
        class: admitted.class,
        rule: decision.origins.join(', '),
      });
    }
    proceed();
    const body = await recordRequest(request, admitted, auditId, framingOf(request).hasBody, deps);
    if (response.destroyed) return;
    const longRunning = isLongRunning(target.info, target.query);
    if (longRunning) {
      response.once('close', deps.limits.longRunning.take());
      release();
    }
    deps.forwarder.forward(request, response, {
      path: target.hadQuery ? `${target.path}?${target.query}` : target.path,
      headers,
      longRunning,
      watch: isWatch(target.info, target.query),
      ...(body === undefined ? {} : { body }),
    });
  } catch (thrown) {
    const error = refusalOf(thrown, deps.log);
    auditRefusal(request, caller, error, deps.audit);
    answerError(response, error);
  }
}

export function clientAddressOf({ address }: Admitted): { clientAddress?: string } {
  return address === undefined ? {} : { clientAddress: address };
}

/** What the caller is told: our own errors as they are, anything else as an internal one that the log explains. */
export function refusalOf(thrown: unknown, log: Logger): WitnessError {
  if (thrown instanceof WitnessError) return thrown;
  log.error({ error: messageOf(thrown) }, 'request failed');
  return new WitnessError('KW_INTERNAL', 'the proxy met an internal error', { cause: thrown });
}

export function auditRefusal(
  request: IncomingMessage,
  caller: Caller | undefined,
  error: WitnessError,
  audit: AuditSink,
): void {
  const { method = '', url = '', socket, headers } = request;
  audit.write({
    type: 'request.refused',
    ...(caller === undefined
      ? {}
      : { subject: auditSubject(caller, socket.remoteAddress, headers['user-agent']) }),
    method,
    // The query can hold what was typed; the path says enough.
    path: url.split('?', 1)[0]?.slice(0, 512) ?? '',
    code: error.code,
    message: error.message,
  });
}
