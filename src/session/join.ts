import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { writeExecQuery } from '../kube/exec-options.ts';
import type { SessionProtocol } from '../kube/remotecommand.ts';
import { checkUpgradeAnswer } from '../kube/upgrade.ts';
import { upgradeHeaders, upstreamHeaders } from '../policy/impersonate.ts';
import { expectedAccept, switchingProtocols } from '../relay/handshake.ts';
import { dialUpgrade } from '../upstream/dial.ts';
import type { SessionRequest } from './request.ts';
import type { SessionEnvironment } from './session.ts';

export type Joined =
  | {
      readonly kind: 'upgraded';
      readonly socket: Duplex;
      readonly head: Buffer;
      readonly protocol: SessionProtocol;
      /** Upstream's 101 as the client is to have it. */
      readonly answer: Buffer;
    }
  /** Unread, and for the client as it came. */
  | { readonly kind: 'answered'; readonly response: IncomingMessage };

/**
 * Asks upstream for the session as the caller. Throws a WitnessError when upstream cannot be reached or answers an
 * upgrade that was not offered.
 */
export async function joinUpstream(
  request: SessionRequest,
  sessionId: string,
  env: Pick<SessionEnvironment, 'upstream' | 'dialLimitMs'> & {
    /** Whether a recorder has the session when its 101 goes out. */
    readonly isRecorded: () => boolean;
  },
  signal: AbortSignal,
): Promise<Joined> {
  const { upgrade } = request;
  const answer = await dialUpgrade(env.upstream, {
    method: request.method,
    path: `${request.path}?${writeExecQuery(request.exec)}`,
    headers: [
      ...upstreamHeaders(request.rawHeaders, request.caller, {
        mode: env.upstream.mode,
        auditId: sessionId,
        ...(env.upstream.marksRequests ? { marker: sessionId } : {}),
        ...(request.remoteAddress === undefined ? {} : { clientAddress: request.remoteAddress }),
      }),
      ...upgradeHeaders(upgrade),
    ],
    signal,
    timeoutMs: env.dialLimitMs,
  });
  if (answer.kind === 'answered') return answer;
  try {
    const protocol = checkUpgradeAnswer(upgrade, answer.rawHeaders, expectedAccept(upgrade));
    return {
      kind: 'upgraded',
      socket: answer.socket,
      head: answer.head,
      protocol,
      answer: switchingProtocols(upgrade, answer.rawHeaders, env.isRecorded() ? sessionId : undefined),
    };
  } catch (error) {
    answer.socket.destroy();
    throw error;
  }
}
