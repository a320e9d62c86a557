import type { AgentOptions, IncomingMessage, ServerResponse } from 'node:http';
import { ClientRequest, Agent as HttpAgent } from 'node:http';
import { Stream } from 'node:stream';
import type { SecureContext } from 'node:tls';
import util from 'node:util';
import { WitnessError } from '../errors.ts';
import type { RawHeaders } from '../headers.ts';
import { secureContextOf, UpstreamAgent } from '../upstream/agent.ts';
import { ALPN_PROTOCOLS, linesOfCaller, MAX_ANSWER_HEADER_BYTES } from '../upstream/request.ts';
import type { Upstream } from '../upstream/target.ts';
import { answerError } from './answer.ts';
import { Exchange } from './forward-exchange.ts';
import { framingOf } from './forward-framing.ts';
import { LiveList } from './live-list.ts';

const httpProxy = await loadHttpProxy();

export interface ForwardPlan {
  /** Canonical path and query, without the upstream's prefix. Goes out unchanged. */
  readonly path: string;
  /** Everything upstream is to see but `Host`, `Authorization` and framing: nothing of the client's own list is added. */
  readonly headers: RawHeaders;
  /** Watches, logs, proxies: may stay silent for as long as they like. */
  readonly longRunning: boolean;
  /** An answer without an end of its own: a shutdown ends it whole, between two events, and does not cut it. */
  readonly watch: boolean;
  /** The whole body, where it was read before; otherwise it streams from the request. */
  readonly body?: Buffer;
  /** Told once, as the head of the answer goes out. */
  readonly answered?: (status: number) => void;
}

export interface ForwardLimits {
  /** Of a request that is not long-running: from its last byte to upstream's headers. Milliseconds. */
  readonly responseHeadersMs: number;
  /** Until TCP and TLS stand. Milliseconds. */
  readonly connectMs: number;
  /** How long an idle connection is kept. Below the 60 s of common load balancers, so that they never close it first. */
  readonly idleSocketMs: number;
  /** Connections for requests that are not long-running; more of them wait. */
  readonly maxShortSockets: number;
}

export interface Forwarder {
  /** Answers, whatever happens. */
  forward(request: IncomingMessage, response: ServerResponse, plan: ForwardPlan): void;
  /** Ends every watch as the API server does it at its own time-out, and takes no more of them. */
  endWatches(): void;
  /** Ends what is under way and lets go of every connection. */
  close(): void;
}

export interface ForwarderOptions {
  readonly log: { warn(fields: object, message: string): void };
  readonly limits?: Partial<ForwardLimits>;
}

/** The API server itself gives up after 60 s (`--request-timeout`); its own 504 is the better answer. */
const DEFAULT_LIMITS: ForwardLimits = {
  responseHeadersMs: 65_000,
  connectMs: 10_000,
  idleSocketMs: 45_000,
  maxShortSockets: 64,
};

/**
 * Forwards ordinary requests by http-proxy, which makes the request to upstream and nothing else: what it would send is
 * fixed beforehand (`OutgoingRequest`), and what comes back is handled by an `Exchange`. Its own ways with both are
 * unsafe here: it merges repeated headers, collapses `//`, drops the framing of DELETE, skips its hook when `Expect` is
 * sent, and leaves watches open when clients go.
 */
export function createForwarder(upstream: Upstream, options: ForwarderOptions): Forwarder {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const proxy = httpProxy.createProxyServer({});
  const agents = createAgents(upstream, limits);
  const live = new LiveList<Exchange>();
  let state: 'open' | 'noWatches' | 'closed' = 'open';

  const forward = (request: IncomingMessage, response: ServerResponse, plan: ForwardPlan): void => {
    if (response.destroyed) return;
    if (state === 'closed' || (state === 'noWatches' && plan.watch)) throw stopping();
    const framing = framingOf(request);
    const send = (agent: HttpAgent): void => {
      const tls = upstream.tlsOptions();
      proxy.web(
        request,
        response,
        {
          target: {
            protocol: upstream.secure ? 'https:' : 'http:',
            host: upstream.host,
            port: upstream.port,
          },
          secure: tls.rejectUnauthorized,
          agent,
          toProxy: true,
          selfHandleResponse: true,
          // http-proxy builds its request options on top of this object.
          ssl: new OutgoingRequest(
            `${upstream.pathPrefix}${plan.path}`,
            [...linesOfCaller(upstream, plan.headers), ...framing.lines],
            upstream.secure ? { servername: tls.servername, secureContext: secureContextOf(tls) } : {},
          ),
          // What it would pipe into its request is asked to do so: the moment at which that request exists.
          buffer: new Body(outgoing => exchange.begin(outgoing)),
        },
        error => exchange.failed(error),
      );
    };
    const exchange = new Exchange(request, response, {
      hasBody: framing.hasBody,
      ...(plan.body === undefined ? {} : { body: plan.body }),
      watch: plan.watch,
      responseHeadersMs: plan.longRunning ? undefined : limits.responseHeadersMs,
      connectMs: limits.connectMs,
      sendAgain: () => send(agents.fresh),
      over: () => leave(),
      answered: plan.answered ?? (() => {}),
      log: options.log,
    });
    const leave = live.add(exchange);
    try {
      send(plan.longRunning ? agents.long : agents.short);
    } catch (error) {
      // Node refuses a path or a header value; nothing was sent.
      exchange.fail(
        new WitnessError('KW_INTERNAL', 'the request cannot be written as HTTP', { cause: error }),
      );
    }
  };

  return {
    forward: (request, response, plan) => {
      try {
        forward(request, response, plan);
      } catch (error) {
        if (!(error instanceof WitnessError)) throw error;
        answerError(response, error);
      }
    },
    endWatches: () => {
      state = 'noWatches';
      for (const exchange of live) exchange.endWatch(stopping());
    },
    close: () => {
      state = 'closed';
      for (const exchange of live) exchange.fail(stopping());
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function createAgents({ secure }: Upstream, limits: ForwardLimits) {
  const create = (options: AgentOptions): HttpAgent =>
    secure ? new UpstreamAgent({ ...options, ALPNProtocols: ALPN_PROTOCOLS }) : new HttpAgent(options);
  // The kernel's probes find an upstream that vanished under a silent watch.
  const kept = { keepAlive: true, timeout: limits.idleSocketMs, keepAliveInitialDelay: 30_000 };
  // One pool for both would starve short requests as soon as watches fill it.
  return {
    short: create({ ...kept, maxSockets: limits.maxShortSockets }),
    long: create(kept),
    /** For the second attempt: never hands out a used connection. */
    fresh: create({ keepAlive: false }),
  };
}

interface OutgoingTls {
  readonly servername?: string | undefined;
  readonly secureContext?: SecureContext;
}

/**
 * The options of the request to upstream. http-proxy assigns its own path (joined, `//` collapsed) and headers (the
 * client's, in an object) on top; here neither can be replaced, and its assignments, which are not in strict mode, do
 * nothing. In strict mode they would throw, and no request would go out.
 */
class OutgoingRequest {
  readonly maxHeaderSize = MAX_ANSWER_HEADER_BYTES;
  readonly servername: string | undefined;
  readonly secureContext: SecureContext | undefined;

  constructor(path: string, headers: RawHeaders, { servername, secureContext }: OutgoingTls) {
    this.servername = servername;
    this.secureContext = secureContext;
    // Own properties: Node copies those and no others.
    Object.defineProperty(this, 'path', { enumerable: true, value: path });
    Object.defineProperty(this, 'headers', { enumerable: true, value: headers });
  }
}

class Body extends Stream {
  readonly #begin: (outgoing: ClientRequest) => void;

  constructor(begin: (outgoing: ClientRequest) => void) {
    super();
    this.#begin = begin;
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    if (!(destination instanceof ClientRequest)) throw new TypeError('http-proxy piped into something new');
    this.#begin(destination);
    return destination;
  }
}

function stopping(): WitnessError {
  return new WitnessError('KW_STOPPING', 'the proxy is shutting down; try again');
}

/**
 * http-proxy calls `util._extend`, and Node 22 and later print a deprecation warning (DEP0060) at the first call. It
 * takes the function when it is loaded, so ours is there for that long.
 */
async function loadHttpProxy() {
  const inherited = Object.getOwnPropertyDescriptor(util, '_extend');
  Object.defineProperty(util, '_extend', { value: Object.assign, configurable: true, writable: true });
  try {
    return (await import('http-proxy')).default;
  } finally {
    if (inherited !== undefined) Object.defineProperty(util, '_extend', inherited);
  }
}
