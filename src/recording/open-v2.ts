import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:http2';
import type { Socket } from 'node:net';
import { toldElsewhere } from './dial.ts';
import { authorizationOf } from './recorder-access.ts';
import type { RecorderAddress } from './recorder-address.ts';
import type { RecorderLimits } from './recorder-limits.ts';
import type { Upload } from './upload.ts';
import { UploadV2 } from './upload-v2.ts';
import type { Attempt } from './within.ts';
import { within } from './within.ts';

const PATH = '/v2/record';

/**
 * HTTP/2 by prior knowledge (RFC 9113 section 3.3) on a connection of its own, and the probe: an upload sent unasked to
 * an HTTP/1 server would hang until its body ends. Rejects when the recorder does not speak v2.
 */
export async function probeV2(
  attempt: Attempt,
  socket: Socket,
  address: RecorderAddress,
  probeMs: number,
): Promise<ClientHttp2Session> {
  const scheme = attempt.access?.tls === undefined ? 'http' : 'https';
  const session = connect(`${scheme}://${address.authority}`, {
    createConnection: () => socket,
    settings: { enablePush: false },
  });
  // What breaks the session breaks its streams, which are listened to.
  session.on('error', toldElsewhere);
  try {
    const probe = ask(attempt, session, address, 'HEAD');
    await answerTo(attempt, probe, probeMs, `answer to HEAD ${PATH}`);
    probe.close();
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

/** Resolves when the recorder has sent 200, which it does before it reads the body. */
export async function openV2(
  attempt: Attempt,
  session: ClientHttp2Session,
  recorder: string,
  address: RecorderAddress,
  limits: RecorderLimits,
): Promise<Upload> {
  const request = ask(attempt, session, address, 'POST');
  // Listening from here, so that nothing is missed between the headers and the caller's next step.
  const upload = new UploadV2({ attempt, session, request, recorder, limits });
  try {
    await answerTo(attempt, request, limits.acceptMs, `answer to POST ${PATH}`);
    return upload;
  } catch (error) {
    upload.abort();
    throw error;
  }
}

/** A recorder that hangs up just after its last answer leaves a session that takes no request. */
function ask(
  attempt: Attempt,
  session: ClientHttp2Session,
  address: RecorderAddress,
  method: 'HEAD' | 'POST',
): ClientHttp2Stream {
  try {
    const request = session.request(
      // Node's own :authority loses the brackets of an IPv6 address.
      {
        ':method': method,
        ':path': PATH,
        ':authority': address.authority,
        ...authorizationOf(attempt.access),
      },
      { endStream: method === 'HEAD' },
    );
    request.on('error', toldElsewhere);
    return request;
  } catch (error) {
    session.destroy();
    throw attempt.failures.from(error, 'connect', `${method} ${PATH}`);
  }
}

/** Waits for response headers with status 200. */
function answerTo(
  attempt: Attempt,
  request: ClientHttp2Stream,
  limitMs: number,
  waitingFor: string,
): Promise<void> {
  const { failures } = attempt;
  return within<void>(attempt, limitMs, waitingFor, settle => {
    const onResponse = (headers: IncomingHttpHeaders & { readonly ':status'?: number }): void => {
      if (headers[':status'] === 200) settle.resolve();
      else
        settle.reject(
          failures.say('refused', 'connect', `the ${waitingFor} was ${headers[':status']}, not 200`),
        );
    };
    const onClose = (): void => {
      settle.reject(
        request.errored
          ? failures.from(request.errored, 'connect', `waiting for the ${waitingFor}`)
          : failures.say(
              'reset',
              'connect',
              `closed the stream (code ${request.rstCode}) before the ${waitingFor}`,
            ),
      );
    };
    request.on('response', onResponse);
    request.on('close', onClose);
    return () => {
      request.off('response', onResponse);
      request.off('close', onClose);
    };
  });
}
