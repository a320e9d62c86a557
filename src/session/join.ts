import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Cause } from '../../machines/session.ts';
import type { RawHeaders } from '../headers.ts';
import { upstreamResponseHeaders } from '../headers.ts';
import { writeExecQuery } from '../kube/exec-options.ts';
import type { SessionProtocol } from '../kube/remotecommand.ts';
import type { Upgrade } from '../kube/upgrade.ts';
import { checkUpgradeAnswer } from '../kube/upgrade.ts';
import { upgradeHeaders, upstreamHeaders } from '../policy/impersonate.ts';
import { answerAsItCame } from '../relay/answer.ts';
import { dialUpgrade } from '../upstream/dial.ts';
import type { SessionRequest } from './request.ts';
import type { SessionEnvironment } from './session.ts';

/** RFC 6455 section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export type Joined =
  | {
      readonly kind: 'upgraded';
      readonly socket: Duplex;
      readonly head: Buffer;
      readonly protocol: SessionProtocol;
      /** Upstream's 101 as the client is to have it. */
      readonly answer: Buffer;
    }
  | { readonly kind: 'answered'; readonly cause: Cause };

/**
 * Asks upstream for the session as the caller. An answer other than 101 has reached the client as it came when this
 * resolves. Throws a WitnessError when upstream cannot be reached or answers an upgrade that was not offered.
 */
export async function joinUpstream(
  request: SessionRequest,
  sessionId: string,
  client: Duplex,
  env: Pick<SessionEnvironment, 'upstream' | 'dialLimitMs'>,
  signal: AbortSignal,
): Promise<Joined> {
  const { upgrade } = request;
  const answer = await dialUpgrade(env.upstream, {
    method: request.method,
    path: `${request.path}?${writeExecQuery(request.exec)}`,
    headers: [
      ...upstreamHeaders(request.rawHeaders, request.caller, {
        auditId: sessionId,
        ...(request.remoteAddress === undefined ? {} : { clientAddress: request.remoteAddress }),
      }),
      ...upgradeHeaders(upgrade),
    ],
    signal,
    timeoutMs: env.dialLimitMs,
  });
  if (answer.kind === 'answered') {
    const { statusCode } = answer.response;
    await answerAsItCame(client, answer.response);
    return {
      kind: 'answered',
      cause: { code: 'upstream.refused', message: `the API server answered ${statusCode ?? 'nothing'}` },
    };
  }
  try {
    const protocol = checkUpgradeAnswer(upgrade, answer.rawHeaders, expectedAccept(upgrade));
    return {
      kind: 'upgraded',
      socket: answer.socket,
      head: answer.head,
      protocol,
      answer: switchingProtocols(upgrade, answer.rawHeaders),
    };
  } catch (error) {
    answer.socket.destroy();
    throw error;
  }
}

function expectedAccept(upgrade: Upgrade): string {
  if (upgrade.transport !== 'websocket') return '';
  return createHash('sha1').update(`${upgrade.key}${WEBSOCKET_GUID}`).digest('base64');
}

/** Upstream's own 101, with its lines kept, under a Connection header of ours. */
function switchingProtocols(upgrade: Upgrade, raw: RawHeaders): Buffer {
  const token = upgrade.transport === 'websocket' ? 'websocket' : 'SPDY/3.1';
  const kept = upstreamResponseHeaders(raw);
  let text = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${token}\r\nConnection: Upgrade\r\n`;
  for (let at = 0; at + 1 < kept.length; at += 2) text += `${kept[at]}: ${kept[at + 1]}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}
