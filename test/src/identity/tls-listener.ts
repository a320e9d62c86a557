import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { messageOf, WitnessError } from '../../../src/errors.ts';
import type { Authenticator } from '../../../src/identity/authenticate.ts';
import { identityRequestOf } from '../../../src/identity/identity-request.ts';
import type { KeyPair } from './clients.ts';

export interface Answer {
  readonly code?: string;
  readonly message?: string;
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly [key: string]: unknown;
}

export interface TlsListener {
  readonly port: number;
  /** One request on a connection of its own. */
  ask(client?: Partial<KeyPair>, headers?: readonly string[], session?: Buffer): Promise<Answer>;
  /** A session ticket or id that the server gave to such a client, if it gives any. */
  sessionOf(client?: Partial<KeyPair>): Promise<Buffer | undefined>;
  /** Whether the last request came in by a resumed session. */
  readonly resumed: boolean;
  close(): Promise<void>;
}

/** An HTTPS server that answers with the caller it knows, over TLS as the proxy's listener speaks it. */
export async function tlsListener(
  server: KeyPair,
  options: TlsOptions,
  authenticate: Authenticator,
): Promise<TlsListener> {
  let resumed = false;
  const https = createServer({ ...server, ...options });
  https.on('secureConnection', (socket: TLSSocket) => {
    resumed = socket.isSessionReused();
  });
  https.on('request', (incoming: IncomingMessage, response) => {
    authenticate(identityRequestOf(incoming)).then(
      caller => response.end(JSON.stringify(caller)),
      (error: unknown) =>
        response.end(
          JSON.stringify(
            error instanceof WitnessError
              ? { code: error.code, message: error.message }
              : { message: messageOf(error) },
          ),
        ),
    );
  });
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  // It listens on TCP.
  const { port } = https.address() as AddressInfo;

  const send = async (client: Partial<KeyPair>, headers: readonly string[], session?: Buffer) => {
    let given: Buffer | undefined;
    const outgoing = request({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      rejectUnauthorized: false,
      agent: false,
      headers: ['Host', 'localhost', ...headers],
      ...client,
      ...(session === undefined ? {} : { session }),
    });
    outgoing.on('socket', socket => {
      socket.on('session', (ticket: Buffer) => {
        given = ticket;
      });
    });
    outgoing.end();
    const [response] = await once(outgoing, 'response');
    let text = '';
    for await (const piece of response) text += String(piece);
    return { text, session: given };
  };
  return {
    port,
    ask: async (client = {}, headers = [], session) =>
      JSON.parse((await send(client, headers, session)).text),
    sessionOf: async (client = {}) => (await send(client, [])).session,
    get resumed() {
      return resumed;
    },
    close: async () => {
      https.closeAllConnections();
      await new Promise<void>(resolve => https.close(() => resolve()));
    },
  };
}
