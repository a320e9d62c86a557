import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WitnessError } from '../errors.ts';
import { readExecOptions } from '../kube/exec-options.ts';
import { readUpgrade } from '../kube/upgrade.ts';
import { answerErrorOnSocket } from '../relay/answer.ts';
import type { SessionRegistry } from '../session/registry.ts';
import type { SessionRequest } from '../session/request.ts';
import type { ProxyDependencies } from './handle.ts';
import { admit, auditRefusal, refusalOf } from './handle.ts';

/**
 * An upgrade request: exec and attach become sessions, by whatever method and protocol they come; every other upgrade
 * is refused.
 */
export async function handleUpgrade(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  deps: ProxyDependencies & { readonly sessions: SessionRegistry },
): Promise<void> {
  // First of all: a socket without an error listener takes the process with it.
  const onError = (error: Error): void => deps.log.debug({ error: error.message }, 'client socket failed');
  client.on('error', onError);
  try {
    const session = await readSession(request, deps);
    if (deps.sessions.draining) {
      throw new WitnessError('KW_STOPPING', 'the proxy is shutting down and takes no new session; try again');
    }
    if (client.destroyed) return;
    deps.sessions.start(session, { client, head });
  } catch (thrown) {
    const error = refusalOf(thrown, deps.log);
    auditRefusal(request, undefined, error, deps.audit);
    await answerErrorOnSocket(client, error);
  } finally {
    client.off('error', onError);
  }
}

async function readSession(request: IncomingMessage, deps: ProxyDependencies): Promise<SessionRequest> {
  const { target, class: kind, caller } = await admit(request, deps);
  const { method = '', rawHeaders } = request;
  if (kind !== 'session') {
    throw new WitnessError('KW_BAD_REQUEST', 'only exec and attach can be upgraded through this proxy');
  }
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
    remoteAddress: request.socket.remoteAddress,
    userAgent: request.headers['user-agent'],
    caller,
  };
}
