import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RecorderAddress } from './recorder-address.ts';
import { throughSocks5 } from './socks5.ts';
import type { Attempt } from './within.ts';
import { within } from './within.ts';

/** v1 has no acks: on an idle session only TCP's own probes notice a recorder whose host is gone. */
const KEEP_ALIVE_MS = 15_000;

/** The protocol that is to be spoken, as TLS names it (RFC 7301). */
export type Spoken = 'h2' | 'http/1.1';

/**
 * A fresh connection, never a pooled one, through a proxy and encrypted where that is asked for. Each step may take
 * `dialMs`. A failed dial leaves no socket behind.
 */
export async function dial(
  attempt: Attempt,
  address: RecorderAddress,
  dialMs: number,
  spoken: Spoken,
): Promise<Socket> {
  const { tls, socks5 } = attempt.access ?? {};
  const next = socks5 ?? address;
  const socket = connect({
    host: next.host,
    port: next.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  let secure: Socket | undefined;
  try {
    await reached(
      attempt,
      socket,
      'connect',
      dialMs,
      socks5 === undefined ? 'connection' : 'connection to the SOCKS5 proxy',
    );
    if (socks5 !== undefined) await throughSocks5(attempt, socket, address, dialMs);
    if (tls === undefined) return socket;
    secure = connectTls({
      ...tls,
      socket,
      host: address.host,
      // A name only: an address is not one (RFC 6066 section 3), and is checked against the certificate all the same.
      ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
      ALPNProtocols: [spoken],
    });
    await reached(attempt, secure, 'secureConnect', dialMs, 'TLS handshake');
    return secure;
  } catch (error) {
    secure?.destroy();
    socket.destroy();
    throw error;
  }
}

function reached(
  attempt: Attempt,
  socket: Socket,
  event: 'connect' | 'secureConnect',
  limitMs: number,
  waitingFor: string,
): Promise<void> {
  // Stays for the socket's life: whoever takes it over hears its errors from the HTTP library.
  socket.on('error', toldElsewhere);
  return within<void>(attempt, limitMs, waitingFor, settle => {
    const onReached = (): void => settle.resolve();
    const onError = (error: Error): void =>
      settle.reject(attempt.failures.from(error, 'connect', 'dialling'));
    const onClose = (): void =>
      settle.reject(
        attempt.failures.say('reset', 'connect', `closed the connection before the ${waitingFor}`),
      );
    socket.on(event, onReached);
    socket.on('error', onError);
    socket.on('close', onClose);
    return () => {
      socket.off(event, onReached);
      socket.off('error', onError);
      socket.off('close', onClose);
    };
  });
}

/** An error listener for objects whose 'close' tells the same. */
export function toldElsewhere(): void {}
