import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/**
 * The cookie of a sign-in: no script reads it, no other site sends it, and over TLS no other host can have set it
 * (RFC 6265bis 4.1.3.2).
 */
export function signInCookie(request: IncomingMessage, secret: string): string {
  const secure = isSecure(request);
  return `${nameFor(secure)}=${secret}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

export function noCookie(request: IncomingMessage): string {
  return `${signInCookie(request, '')}; Max-Age=0`;
}

/** Undefined: none, or several, of which one was set by somebody else. */
export function secretOf(request: IncomingMessage): string | undefined {
  const start = `${nameFor(isSecure(request))}=`;
  const found = (request.headers.cookie ?? '')
    .split(';')
    .map(part => part.trim())
    .filter(part => part.startsWith(start));
  return found.length === 1 ? found[0]?.slice(start.length) : undefined;
}

function nameFor(secure: boolean): string {
  return secure ? '__Host-kubewitness' : 'kubewitness';
}

function isSecure({ socket }: IncomingMessage): boolean {
  return socket instanceof TLSSocket;
}
