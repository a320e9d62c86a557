import type { SessionProtocol } from '../kube/remotecommand.ts';
import type { CastSubject } from '../recording/cast.ts';
import type { SessionRequest } from './request.ts';

/** Everything a cast's header says about a session besides its size and time. */
export function castSubject(
  sessionId: string,
  request: SessionRequest,
  protocol: SessionProtocol,
  cluster: string,
): CastSubject {
  const { caller, exec } = request;
  return {
    command: exec.command,
    ...sourceOf(request),
    kubernetes: {
      PodName: request.pod,
      Namespace: request.namespace,
      Container: exec.container ?? '',
      SessionType: request.type,
    },
    kubewitness: {
      sessionId,
      auditId: sessionId,
      user: caller.user,
      groups: caller.groups,
      cluster,
      subprotocol: protocol.subprotocol,
    },
  };
}

/** Tailscale's fields name the node; without a tailnet the caller's address stands in for it. */
function sourceOf({ caller, remoteAddress }: SessionRequest) {
  const { device } = caller;
  if (device === undefined) {
    return { srcNode: remoteAddress ?? '', srcNodeID: '', srcNodeUser: caller.user };
  }
  const { node, nodeId, tags, userId, userName } = device;
  return {
    srcNode: node,
    srcNodeID: nodeId,
    ...(tags.length > 0 ? { srcNodeTags: tags } : {}),
    ...(userId === undefined ? {} : { srcNodeUserID: userId }),
    ...(userName === undefined ? {} : { srcNodeUser: userName }),
  };
}
