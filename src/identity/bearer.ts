import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { listOf } from '../headers.ts';
import { singleValue } from '../kube/single-value.ts';

/** How browsers, which cannot set headers on a WebSocket, bring a token (apiserver `websocket.protocol`). */
const SUBPROTOCOL_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/**
 * The bearer token of a request: from Authorization or, when that is absent, from the WebSocket subprotocol list.
 * Undefined when there is none. Throws KW_UNAUTHENTICATED for a form that the API server would not take either.
 */
export function bearerToken(raw: RawHeaders): string | undefined {
  const authorization = singleValue(raw, 'Authorization');
  if (authorization === undefined) return tokenInSubprotocols(raw);
  return /^bearer ([^\s]+)$/i.exec(authorization)?.[1];
}

function tokenInSubprotocols(raw: RawHeaders): string | undefined {
  const offered = listOf(raw, 'Sec-WebSocket-Protocol');
  const tokens = offered.filter(name => name.startsWith(SUBPROTOCOL_PREFIX));
  const [only, ...more] = tokens;
  if (only === undefined) return undefined;
  if (more.length > 0) throw unauthenticated('more than one bearer token was sent as a subprotocol');
  // The server must answer with a subprotocol, and must not answer with the token.
  if (offered.length === 1)
    throw unauthenticated('a bearer token as a subprotocol needs another one beside it');
  return decodeBase64Url(only.slice(SUBPROTOCOL_PREFIX.length));
}

/** RFC 4648 section 5 without padding, and nothing that decodes to the same by chance. */
function decodeBase64Url(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  const token = bytes.toString('utf8');
  const isExact = bytes.toString('base64url') === text && Buffer.from(token, 'utf8').equals(bytes);
  if (!isExact || token === '') throw unauthenticated('the bearer token in the subprotocol is not base64url');
  return token;
}

function unauthenticated(message: string): WitnessError {
  return new WitnessError('KW_UNAUTHENTICATED', message);
}
