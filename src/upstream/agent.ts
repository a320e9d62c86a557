import type { RequestOptions } from 'node:https';
import { Agent } from 'node:https';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { TlsOptions } from './target.ts';

/** One API server has one, and one more while its files rotate. */
const MAX_CONTEXTS = 4;

interface Known {
  readonly tls: Pick<TlsOptions, 'ca' | 'cert' | 'key'>;
  readonly context: SecureContext;
}

const known: Known[] = [];
const names = new WeakMap<SecureContext, string>();
let made = 0;

/**
 * Certificates made ready for handshakes, once for every content: Node would read all of them again for each connection,
 * and each would keep its own copy for its whole life.
 */
export function secureContextOf({ ca, cert, key }: TlsOptions): SecureContext {
  const found = known.find(({ tls }) => tls.ca === ca && tls.cert === cert && tls.key === key);
  if (found !== undefined) return found.context;
  const context = createSecureContext({ ca, cert, key });
  names.set(context, String(++made));
  known.push({ tls: { ca, cert, key }, context });
  if (known.length > MAX_CONTEXTS) known.shift();
  return context;
}

/**
 * Connections in TLS, of which only those are shared that were made with the same certificates, for the same name and
 * under the same checks. Node's own key for them holds the text of every certificate, and is made for each request.
 */
export class UpstreamAgent extends Agent {
  override getName(options: RequestOptions & { readonly secureContext?: SecureContext } = {}): string {
    const { secureContext } = options;
    const name = secureContext === undefined ? undefined : names.get(secureContext);
    // Not ours: two that differ must not meet in one pool.
    if (name === undefined) return super.getName(options);
    const { host, port, servername, rejectUnauthorized } = options as TlsRequest;
    return `${host}:${port}:${servername}:${rejectUnauthorized}:${name}`;
  }
}

type TlsRequest = RequestOptions & { readonly servername?: string; readonly rejectUnauthorized?: boolean };
