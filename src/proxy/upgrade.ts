import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WitnessError } from '../errors.ts';
import { realUser } from '../identity/asked-impersonation.ts';
import { readExecOptions } from '../kube/exec-options.ts';
import { readTunnelUpgrade, tunnelPorts } from '../kube/tunnel-upgrade.ts';
import { readUpgrade } from '../kube/upgrade.ts';
import type { Caller } from '../policy/caller.ts';
import { decideRequest } from '../policy/decide.ts';
import { answerErrorOnSocket } from '../relay/answer.ts';
import { auditSubject } from '../session/audit.ts';
import type { SessionRegistry } from '../session/registry.ts';
import type { SessionRequest } from '../session/request.ts';
import type { Admitted, ProxyDependencies } from './handle.ts';
import { admit, auditRefusal, refusalOf } from './handle.ts';
import { checkSessions } from './limits.ts';
import { recordRequest } from './record-request.ts';
import type { TunnelRequest, Tunnels } from './tunnels.ts';

/**
 * An upgrade request. Exec and attach become sessions, by whatever method and protocol they come; the other known kinds
 * pass through as tunnels where the caller's rules allow it; everything else is refused, whoever asks.
 */
export async function handleUpgrade(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  deps: ProxyDependencies & {
    readonly sessions: Pick<SessionRegistry, 'draining' | 'liveCount' | 'liveCountOf' | 'start'>;
    readonly tunnels: Tunnels;
  },
): Promise<void> {
  // First of all: a socket without an error listener takes the process with it.
  const onError = (error: Error): void => deps.log.debug({ error: error.message }, 'client socket failed');
  client.on('error', onError);
  let caller: Caller | undefined;
  let release = (): void => {};
  try {
    release = deps.limits.requests.take();
    const admitted = await admit(request, deps);
    caller = admitted.caller;
    const isSession = admitted.class === 'session';
    const wanted = isSession ? readSession(request, admitted) : readTunnel(request, admitted);
    refuseWhenDraining(deps.sessions);
    // The event, the recording and the API server's audit line share one id.
    const id = randomUUID();
    await recordRequest(request, admitted, id, false, deps);
    if (isSession && !deps.mayStartSession()) {
      throw new WitnessError(
        'KW_AUDIT_UNAVAILABLE',
        'the audit cannot be written, and no session may begin without it',
      );
    }
    // Telling a recorder of the request took its time.
    refuseWhenDraining(deps.sessions);
    if (client.destroyed) return;
    if ('exec' in wanted) {
      const { liveCount } = deps.sessions;
      const who = realUser(caller);
      const ofCaller = deps.sessions.liveCountOf(other => realUser(other) === who);
      checkSessions(deps.limits.sessions, { inAll: liveCount, ofCaller });
      deps.sessions.start(id, wanted, { client, head });
      return;
    }
    const releaseTunnel = deps.limits.longRunning.take();
    release();
    await deps.tunnels.run(id, wanted, client, head).finally(releaseTunnel);
  } catch (thrown) {
    const error = refusalOf(thrown, deps.log);
    auditRefusal(request, caller, error, deps.audit);
    await answerErrorOnSocket(client, error);
  } finally {
    release();
    client.off('error', onError);
  }
}

function refuseWhenDraining({ draining }: Pick<SessionRegistry, 'draining'>): void {
  if (!draining) return;
  throw new WitnessError('KW_STOPPING', 'the proxy is shutting down and takes no new session; try again');
}

function readSession(request: IncomingMessage, { target, caller, address }: Admitted): SessionRequest {
  const { method = '', rawHeaders } = request;
  const upgrade = readUpgrade(method, rawHeaders);
  if (upgrade === undefined) {
    throw new WitnessError('KW_UPGRADE_REQUIRED', 'exec and attach need an upgrade to WebSocket or SPDY/3.1');
  }
  const { subresource, namespace, name } = target.info;
  const type = subresource === 'attach' ? 'attach' : 'exec';
  return {
    type,
    method,
    path: target.path,
    namespace,
    pod: name,
    exec: readExecOptions(target.query, type),
    upgrade,
    rawHeaders,
    remoteAddress: address,
    userAgent: request.headers['user-agent'],
    caller,
  };
}

/** The decision comes first: who may not go this way at all need not learn how to ask. */
function readTunnel(request: IncomingMessage, admitted: Admitted): TunnelRequest {
  const { method = '', rawHeaders, headers } = request;
  const { target, caller, address } = admitted;
  const decision = decideRequest(caller.rules, admitted.class, admitted.place);
  if (decision.kind === 'refuse') throw new WitnessError(decision.code, decision.message);
  const upgrade = readTunnelUpgrade(admitted.class, target.info, method, rawHeaders);
  return {
    class: admitted.class,
    method,
    path: target.path,
    query: target.hadQuery ? `?${target.query}` : '',
    ports: admitted.class === 'tunnel' ? tunnelPorts(target.query) : 'unknown',
    upgrade,
    rawHeaders,
    caller,
    subject: auditSubject(caller, address, headers['user-agent']),
    clientAddress: address,
    allowedBy: decision.kind === 'audit' ? decision.origins : undefined,
  };
}
