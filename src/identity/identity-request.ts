import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { RemoteEnd } from '../tailscale/address.ts';
import type { IdentityRequest, PeerCertificate } from './authenticate.ts';

/**
 * What identity sources may look at. `proxied` is what a PROXY header said (`ProxiedConnections.remoteEndOf`); without
 * one it is the socket's own other end.
 */
export function identityRequestOf(
  { rawHeaders, socket }: Pick<IncomingMessage, 'rawHeaders' | 'socket'>,
  proxied?: RemoteEnd,
): IdentityRequest {
  const peerCertificate = peerCertificateOf(socket);
  return {
    rawHeaders,
    remoteAddress: proxied?.address ?? socket.remoteAddress,
    remotePort: proxied?.port ?? socket.remotePort,
    ...(peerCertificate === undefined ? {} : { peerCertificate }),
  };
}

/**
 * `authorized` alone proves nothing: Node says true for a resumed TLS 1.3 session whose client never showed a
 * certificate. What counts is a certificate, and then the verdict on it.
 */
function peerCertificateOf(socket: unknown): PeerCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  // Declared as an Error, it is OpenSSL's name for the verdict.
  return { certificate, flaw: socket.authorized ? undefined : String(socket.authorizationError) };
}
