import type { Socket } from 'node:net';

/** The address of the other end without its port; IPv4 as such also on a dual-stack socket. */
export function peerAddress(socket: Pick<Socket, 'remoteAddress'>): string {
  return (socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '');
}
