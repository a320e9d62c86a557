import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { RecorderAddress } from './recorder-address.ts';
import type { Attempt } from './within.ts';
import { within } from './within.ts';

/** v1 has no acks: on an idle session only TCP's own probes notice a recorder whose host is gone. */
const KEEP_ALIVE_MS = 15_000;

/** A fresh TCP connection, never a pooled one. A failed dial leaves no socket behind. */
export async function dial(attempt: Attempt, address: RecorderAddress, dialMs: number): Promise<Socket> {
  const socket = connect({
    host: address.host,
    port: address.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  // Stays for the socket's life: whoever takes it over hears its errors from the HTTP library.
  socket.on('error', toldElsewhere);
  try {
    await within<void>(attempt, dialMs, 'connection', settle => {
      const onConnect = (): void => settle.resolve();
      const onError = (error: Error): void =>
        settle.reject(attempt.failures.from(error, 'connect', 'dialling'));
      socket.on('connect', onConnect);
      socket.on('error', onError);
      return () => {
        socket.off('connect', onConnect);
        socket.off('error', onError);
      };
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** An error listener for objects whose 'close' tells the same. */
export function toldElsewhere(): void {}
